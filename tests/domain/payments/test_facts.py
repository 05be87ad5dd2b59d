import itertools
from typing import Any

import pytest

from app.domain.checkout.cart import Mode
from app.domain.payments.disputes import Dispute, DisputeState, FraudWarning, Review
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.intents import Intent, IntentState
from app.domain.payments.refunds import Charge, Refund, RefundState
from app.domain.payments.status import PaymentStatus
from app.domain.payments.subscriptions import Invoice, Subscription, SubscriptionStatus
from tests.support.builders import Document

SUCCEEDED = Intent(state=IntentState.SUCCEEDED)


def paid(**changes: Any) -> PaymentFacts:  # noqa: ANN401 any field
    """A paid payment of 1000."""
    return PaymentFacts(**({"paid": True, "amount_total_minor": 1000} | changes))


def refunded(amount_minor: int) -> PaymentFacts:
    refund = Refund(state=RefundState.SUCCEEDED, amount_minor=amount_minor)
    return PaymentFacts(refunds={"re_1": refund})


def disputed() -> PaymentFacts:
    return PaymentFacts(disputes={"dp_1": Dispute(state=DisputeState.OPEN, amount_minor=1000)})


# --- the join


@pytest.mark.parametrize(
    ("one", "other", "joined"),
    [
        ({"paid": True}, {}, {"paid": True}),
        ({"awaits_bank": True}, {}, {"awaits_bank": True}),
        ({"bank_failed": True}, {}, {"bank_failed": True}),
        ({"expired": True}, {}, {"expired": True}),
        ({"paid_at_s": 5}, {"paid_at_s": 7}, {"paid_at_s": 5}),
        ({"paid_at_s": 0}, {}, {"paid_at_s": 0}),
        ({"mode": Mode.PAYMENT}, {}, {"mode": Mode.PAYMENT}),
        ({"mode": Mode.SUBSCRIPTION}, {"mode": Mode.PAYMENT}, {"mode": Mode.SUBSCRIPTION}),
        ({"amount_total_minor": 5}, {"amount_total_minor": 7}, {"amount_total_minor": 7}),
        ({"amount_subtotal_minor": 5}, {"amount_subtotal_minor": 7}, {"amount_subtotal_minor": 7}),
        ({"amount_total_minor": 0}, {}, {"amount_total_minor": 0}),
        ({"currency": "usd"}, {"currency": "eur"}, {"currency": "eur"}),
        ({"checkout_id": "b"}, {"checkout_id": "a"}, {"checkout_id": "a"}),
        ({"subscription_id": "b"}, {"subscription_id": "a"}, {"subscription_id": "a"}),
        ({"invoice_ids": ("b",)}, {"invoice_ids": ("a",)}, {"invoice_ids": ("a", "b")}),
    ],
)
def test_two_values_are_joined_to_one_in_either_order(
    one: Document, other: Document, joined: Document
) -> None:
    assert PaymentFacts(**one).join(PaymentFacts(**other)) == PaymentFacts(**joined)
    assert PaymentFacts(**other).join(PaymentFacts(**one)) == PaymentFacts(**joined)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("intents", Intent(state=IntentState.CANCELED), SUCCEEDED),
        ("charges", Charge(refunded_minor=5), Charge(refunded_minor=7)),
        (
            "refunds",
            Refund(state=RefundState.PENDING, amount_minor=5),
            Refund(state=RefundState.FAILED, amount_minor=5),
        ),
        (
            "disputes",
            Dispute(state=DisputeState.OPEN, amount_minor=5),
            Dispute(state=DisputeState.LOST, amount_minor=5),
        ),
        (
            "subscriptions",
            Subscription(status=SubscriptionStatus.ACTIVE, at_s=5),
            Subscription(status=SubscriptionStatus.PAUSED, at_s=6),
        ),
        ("invoices", Invoice(), Invoice(paid=True)),
        ("reviews", Review(closed=False), Review(closed=True)),
        ("fraud_warnings", FraudWarning(), FraudWarning(answered=True, charge_id="ch_1")),
    ],
)
def test_objects_on_both_sides_are_joined_and_others_are_kept(
    name: str, one: object, other: object
) -> None:
    left: Document = {name: {"left": one, "both": one}}
    right: Document = {name: {"right": one, "both": other}}

    everything: Document = {name: {"left": one, "right": one, "both": other}}
    assert PaymentFacts(**left).join(PaymentFacts(**right)) == PaymentFacts(**everything)
    assert PaymentFacts(**right).join(PaymentFacts(**left)) == PaymentFacts(**everything)


@pytest.mark.parametrize(
    ("lower", "higher"),
    list(
        itertools.combinations(
            [IntentState.ATTEMPT_FAILED, IntentState.CANCELED, IntentState.SUCCEEDED], 2
        )
    ),
)
def test_an_intent_only_goes_up_in_rank(lower: IntentState, higher: IntentState) -> None:
    was_declined = lower is IntentState.ATTEMPT_FAILED
    expected = Intent(state=higher, declined_before=was_declined)
    assert Intent(state=lower).join(Intent(state=higher)) == expected
    assert Intent(state=higher).join(Intent(state=lower)) == expected
    assert expected.join(Intent(state=higher)).was_declined == was_declined


# --- the status


@pytest.mark.parametrize(
    ("flags", "status"),
    [
        ((), PaymentStatus.OPEN),
        (("expired",), PaymentStatus.EXPIRED),
        (("awaits_bank",), PaymentStatus.PROCESSING),
        (("awaits_bank", "expired"), PaymentStatus.PROCESSING),
        (("bank_failed",), PaymentStatus.FAILED),
        (("awaits_bank", "bank_failed"), PaymentStatus.FAILED),
        (("bank_failed", "expired"), PaymentStatus.FAILED),
        (("awaits_bank", "bank_failed", "expired"), PaymentStatus.FAILED),
    ],
)
def test_the_status_of_an_unpaid_payment(flags: tuple[str, ...], status: PaymentStatus) -> None:
    proven: Document = dict.fromkeys(flags, True)

    assert PaymentFacts(**proven).status is status
    assert PaymentFacts(**proven).join(refunded(5)).join(disputed()).status is status


@pytest.mark.parametrize("other_flags", list(itertools.product([False, True], repeat=3)))
def test_paid_is_stronger_than_everything(other_flags: tuple[bool, bool, bool]) -> None:
    awaits_bank, bank_failed, expired = other_flags

    facts = PaymentFacts(
        paid=True, awaits_bank=awaits_bank, bank_failed=bank_failed, expired=expired
    )

    assert facts.status is PaymentStatus.PAID
    assert facts.contradicted is (bank_failed or expired)


@pytest.mark.parametrize(
    ("total", "gone_back", "status"),
    [
        (1000, 0, PaymentStatus.PAID),
        (1000, 1, PaymentStatus.PARTIALLY_REFUNDED),
        (1000, 999, PaymentStatus.PARTIALLY_REFUNDED),
        (1000, 1000, PaymentStatus.REFUNDED),
        (1000, 1001, PaymentStatus.REFUNDED),
        (None, 1000, PaymentStatus.PARTIALLY_REFUNDED),
        (0, 0, PaymentStatus.PAID),
        (0, 1, PaymentStatus.REFUNDED),
    ],
)
def test_a_paid_payment_is_refunded_when_all_of_it_has_gone_back(
    total: int | None, gone_back: int, status: PaymentStatus
) -> None:
    facts = paid(amount_total_minor=total).join(refunded(gone_back))

    assert facts.status is status
    assert facts.amount_refunded_minor == gone_back


def test_a_dispute_takes_precedence_over_a_refund() -> None:
    assert paid().join(refunded(1000)).join(disputed()).status is PaymentStatus.DISPUTED


@pytest.mark.parametrize(
    ("status", "is_final"),
    [(status, status in {PaymentStatus.FAILED, PaymentStatus.EXPIRED}) for status in PaymentStatus],
)
def test_of_what_failed_or_expired_stripe_has_nothing_more_to_tell(
    status: PaymentStatus,
    is_final: bool,  # noqa: FBT001 a row of the table
) -> None:
    assert status.is_final is is_final


def test_the_statuses_have_the_values_in_pages_and_rows() -> None:
    assert [status.value for status in PaymentStatus] == [
        "open",
        "processing",
        "paid",
        "failed",
        "expired",
        "partially_refunded",
        "refunded",
        "disputed",
    ]
    assert [state.value for state in IntentState] == ["attempt_failed", "canceled", "succeeded"]


# --- what else the facts tell


@pytest.mark.parametrize("flag", ["awaits_bank", "bank_failed", "expired"])
def test_an_unpaid_payment_alone_is_not_contradicted(flag: str) -> None:
    proven: Document = {flag: True}

    assert not PaymentFacts(**proven).contradicted


@pytest.mark.parametrize(
    ("flag", "contradicted"), [("bank_failed", True), ("expired", True), ("awaits_bank", False)]
)
def test_an_intent_that_succeeded_contradicts_a_payment_that_ended_unpaid(
    flag: str,
    contradicted: bool,  # noqa: FBT001 a row of the table
) -> None:
    proven: Document = {flag: True}

    facts = PaymentFacts(**proven, intents={"pi_1": SUCCEEDED})

    assert facts.contradicted is contradicted


@pytest.mark.parametrize("state", [IntentState.ATTEMPT_FAILED, IntentState.CANCELED])
def test_an_intent_that_did_not_succeed_contradicts_nothing(state: IntentState) -> None:
    intents = {"pi_1": Intent(state=state)}

    assert not PaymentFacts(expired=True, intents=intents).contradicted
    assert not PaymentFacts(paid=True, intents=intents).contradicted


def test_one_intent_that_succeeded_among_many_is_enough() -> None:
    failed = Intent(state=IntentState.ATTEMPT_FAILED)

    facts = PaymentFacts(expired=True, intents={"pi_1": failed, "pi_2": SUCCEEDED, "pi_3": failed})

    assert facts.contradicted


def test_the_subscription_is_the_one_that_the_session_names() -> None:
    named = Subscription(status=SubscriptionStatus.ACTIVE, at_s=5)
    other = Subscription(status=SubscriptionStatus.CANCELED, at_s=6)
    subscriptions = {"sub_1": named, "sub_2": other}

    assert PaymentFacts(subscription_id="sub_1", subscriptions=subscriptions).subscription == named
    assert PaymentFacts(subscription_id="sub_3", subscriptions=subscriptions).subscription is None
    assert PaymentFacts(subscriptions=subscriptions).subscription is None


@pytest.mark.parametrize(
    ("is_first", "named", "is_paid"),
    [
        (True, (), True),
        (False, ("in_1",), True),
        (True, ("in_1",), True),
        (False, ("in_2",), False),
    ],
)
def test_what_pays_the_first_invoice_pays_the_session(
    *, is_first: bool, named: tuple[str, ...], is_paid: bool
) -> None:
    """The first one is known by its reason, or because the session names it."""
    facts = PaymentFacts(
        awaits_bank=True,
        invoice_ids=named,
        invoices={"in_1": Invoice(is_first=is_first, payment_ids=("pi_1",))},
        intents={"pi_1": Intent(state=IntentState.SUCCEEDED)},
    )

    assert facts.is_paid is is_paid
