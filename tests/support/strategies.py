"""Complete facts and histories for property tests.

`facts` fills every field and every map, with few ids, so that two of them overlap. `histories`
generates payments like Stripe: every kind of event, both shapes of the API, and matching ids.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from hypothesis import strategies as st

from app.domain.checkout.cart import Mode
from app.domain.payments.disputes import Dispute, DisputeState, FraudWarning, Review
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.intents import Intent, IntentState
from app.domain.payments.refunds import Charge, Refund, RefundState
from app.domain.payments.subscriptions import Invoice, Subscription, SubscriptionStatus
from tests.support.builders import CHECKOUT_ID, Document
from tests.support.payment_histories import History, pay_once, subscribe

Known = TypeVar("Known")

_INTENT_IDS: Final = ("pi_1", "pi_2", "pi_3")
_CHARGE_IDS: Final = ("ch_1", "ch_2", "ch_3")
_INVOICE_IDS: Final = ("in_1", "in_2")
_SUBSCRIPTION_IDS: Final = ("sub_1", "sub_2")
_CHECKOUT_IDS: Final = (CHECKOUT_ID, CHECKOUT_ID[:-1] + "v")
_KINDS: Final[tuple[Callable[[History], None], ...]] = (pay_once, subscribe)


def facts() -> st.SearchStrategy[PaymentFacts]:
    """Draw possible facts, including many that Stripe's events never lead to."""
    return st.builds(
        PaymentFacts,
        paid=st.booleans(),
        paid_at_s=_times(),
        awaits_bank=st.booleans(),
        bank_failed=st.booleans(),
        expired=st.booleans(),
        mode=st.none() | st.sampled_from(Mode),
        amount_total_minor=st.none() | _amounts(),
        amount_subtotal_minor=st.none() | _amounts(),
        currency=st.none() | st.sampled_from(["eur", "jpy", "usd"]),
        checkout_id=_one_of(_CHECKOUT_IDS),
        subscription_id=_one_of(_SUBSCRIPTION_IDS),
        intent_ids=_some_of(_INTENT_IDS),
        invoice_ids=_some_of(_INVOICE_IDS),
        intents=_by_id(_INTENT_IDS, _intents()),
        charges=_by_id(_CHARGE_IDS, _charges()),
        refunds=_by_id(("re_1", "re_2", "re_3"), _refunds()),
        disputes=_by_id(("dp_1", "dp_2"), _disputes()),
        subscriptions=_by_id(_SUBSCRIPTION_IDS, _subscriptions()),
        invoices=_by_id(_INVOICE_IDS, _invoices()),
        reviews=_by_id(("prv_1", "prv_2"), st.builds(Review, closed=st.booleans())),
        fraud_warnings=_by_id(("issfr_1", "issfr_2"), _warnings()),
    )


@st.composite
def histories(draw: st.DrawFn, *, payments_max: int = 2) -> list[Document]:
    """Draw all events of one or several payments, in the order of their creation."""
    told: list[Document] = []
    for number in range(1, draw(st.integers(1, payments_max)) + 1):
        history = History(draw, number)
        draw(st.sampled_from(_KINDS))(history)
        told += history.documents
    return sorted(told, key=lambda document: int(document["created"]))


def _intents() -> st.SearchStrategy[Intent]:
    return st.builds(
        Intent,
        state=st.sampled_from(IntentState),
        succeeded_at_s=_times(),
        amount_minor=st.none() | _amounts(),
        received_minor=st.none() | _amounts(),
        currency=st.none() | st.sampled_from(["eur", "usd"]),
    )


def _charges() -> st.SearchStrategy[Charge]:
    return st.builds(Charge, refunded_minor=_amounts(), intent_id=_one_of(_INTENT_IDS))


def _refunds() -> st.SearchStrategy[Refund]:
    return st.builds(
        Refund,
        state=st.sampled_from(RefundState),
        amount_minor=_amounts(),
        charge_id=_one_of(_CHARGE_IDS),
        intent_id=_one_of(_INTENT_IDS),
        created_s=_times(),
    )


def _disputes() -> st.SearchStrategy[Dispute]:
    return st.builds(
        Dispute,
        state=st.sampled_from(DisputeState),
        amount_minor=_amounts(),
        charge_id=_one_of(_CHARGE_IDS),
        intent_id=_one_of(_INTENT_IDS),
        funds_withdrawn=st.booleans(),
        funds_reinstated=st.booleans(),
    )


def _subscriptions() -> st.SearchStrategy[Subscription]:
    return st.builds(
        Subscription,
        status=st.sampled_from(SubscriptionStatus),
        at_s=st.integers(0, 3),
        is_first=st.booleans(),
        changed_status=st.booleans(),
        changed_nothing=st.booleans(),
        current_period_end_s=_times(),
        cancel_at_s=_times(),
        cancel_at_period_end=st.booleans(),
    )


def _warnings() -> st.SearchStrategy[FraudWarning]:
    return st.builds(
        FraudWarning,
        answered=st.booleans(),
        charge_id=_one_of(_CHARGE_IDS),
        intent_id=_one_of(_INTENT_IDS),
    )


def _invoices() -> st.SearchStrategy[Invoice]:
    return st.builds(
        Invoice,
        paid=st.booleans(),
        paid_at_s=_times(),
        payment_failed=st.booleans(),
        action_required=st.booleans(),
        voided=st.booleans(),
        uncollectible=st.booleans(),
        is_first=st.booleans(),
        is_renewal=st.booleans(),
        amount_paid_minor=st.none() | _amounts(),
        payment_ids=_some_of(_INTENT_IDS + _CHARGE_IDS),
    )


def _amounts() -> st.SearchStrategy[int]:
    """Draw small amounts, which coincide, and the largest one."""
    return st.integers(0, 9) | st.just(2**53 - 1)


def _times() -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(0, 3) | st.just(2**37 - 1)


def _one_of(ids: tuple[str, ...]) -> st.SearchStrategy[str | None]:
    return st.none() | st.sampled_from(ids)


def _some_of(ids: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    """Draw unique, sorted ids, as joins store them."""
    return st.frozensets(st.sampled_from(ids)).map(lambda some: tuple(sorted(some)))


def _by_id(
    ids: tuple[str, ...], known: st.SearchStrategy[Known]
) -> st.SearchStrategy[Mapping[str, Known]]:
    return st.dictionaries(st.sampled_from(ids), known, max_size=len(ids))
