"""Events with random ids from a small set, as Stripe would never send them.

Stripe's events belong to one payment each. Here, two sessions share an intent, a refund belongs to
two charges, an id is linked over many steps, and some events are only partly understood or not at
all. Whatever the fold does with them must not depend on their order.
"""

from typing import Final

from hypothesis import strategies as st

from tests.support.builders import NOW_S, Document, event, session
from tests.support.stripe_objects import listing

_SESSIONS: Final = ("cs_test_1", "cs_test_2", "cs_test_3")
_INTENTS: Final = ("pi_1", "pi_2", "pi_3")
_CHARGES: Final = ("ch_1", "ch_2")
_INVOICES: Final = ("in_1", "in_2")
_SUBSCRIPTIONS: Final = ("sub_1", "sub_2")
_SESSION_TYPES: Final = ("completed", "async_payment_succeeded", "async_payment_failed", "expired")
_TYPES: Final = {
    "checkout.session": _SESSION_TYPES,
    "payment_intent": ("created", "succeeded", "canceled", "of_a_kind_to_come"),
    "charge": ("succeeded", "refunded", "updated"),
    "refund": ("created", "updated", "failed"),
    "charge.dispute": ("created", "closed", "funds_withdrawn"),
    "review": ("opened", "closed"),
    "radar.early_fraud_warning": ("created",),
    "invoice": ("paid", "payment_succeeded", "payment_failed", "voided"),
    "invoice_payment": ("paid",),
    "customer.subscription": ("created", "updated", "deleted"),
    "product": ("created",),
}
_KINDS: Final = (*_TYPES, "checkout.session", "checkout.session", "checkout.session")


@st.composite
def tangles(draw: st.DrawFn) -> list[Document]:
    """Draw up to twelve connected events."""
    kinds = draw(st.lists(st.sampled_from(_KINDS), min_size=1, max_size=12))
    return [
        event(
            f"{kind}.{draw(st.sampled_from(_TYPES[kind]))}",
            id=f"evt_{number}",
            created=NOW_S + draw(st.integers(0, 2)),
            data={"object": draw(_OBJECTS[kind])},
        )
        for number, kind in enumerate(kinds)
    ]


def _one_of(*ids: str) -> st.SearchStrategy[object]:
    """Draw an id, an expanded object, nothing, or something unexpected."""
    known = st.sampled_from(ids)
    return known | st.none() | known.map(lambda found: {"id": found}) | st.just(["no id"])


def _amounts() -> st.SearchStrategy[object]:
    return st.integers(0, 3) | st.just("no amount")


def _object(
    own_ids: tuple[str, ...], **fields: st.SearchStrategy[object]
) -> st.SearchStrategy[Document]:
    return st.fixed_dictionaries({"id": st.sampled_from(own_ids), **fields})


def _sessions() -> st.SearchStrategy[Document]:
    statuses = st.sampled_from(["paid", "unpaid", "no_payment_required", "of a kind to come"])
    fields = _object(
        _SESSIONS,
        payment_status=statuses,
        payment_intent=_one_of(*_INTENTS),
        subscription=_one_of(*_SUBSCRIPTIONS),
        invoice=_one_of(*_INVOICES),
        amount_total=_amounts(),
        mode=st.sampled_from(["payment", "subscription"]),
    )
    return fields.map(lambda found: session(**found))


def _refunds(ids: tuple[str, ...] = ("re_1", "re_2")) -> st.SearchStrategy[Document]:
    return _object(
        ids,
        amount=_amounts(),
        charge=_one_of(*_CHARGES),
        payment_intent=_one_of(*_INTENTS),
        status=st.sampled_from(["pending", "succeeded", "failed", "of a kind to come"]),
    )


def _invoices() -> st.SearchStrategy[Document]:
    inner = _one_of(*_SUBSCRIPTIONS).map(lambda found: {"subscription": found})
    pays = _one_of(*_INTENTS).map(lambda found: listing({"payment": {"payment_intent": found}}))
    return _object(
        _INVOICES,
        billing_reason=st.sampled_from(["subscription_create", "subscription_cycle"]),
        amount_paid=_amounts(),
        subscription=_one_of(*_SUBSCRIPTIONS),
        charge=_one_of(*_CHARGES),
        payment_intent=_one_of(*_INTENTS),
        parent=st.none() | inner.map(lambda found: {"subscription_details": found}),
        payments=st.none() | pays,
    )


_LINKS: Final = {"charge": _one_of(*_CHARGES), "payment_intent": _one_of(*_INTENTS)}
_OBJECTS: Final = {
    "checkout.session": _sessions(),
    "payment_intent": _object(
        _INTENTS, latest_charge=_one_of(*_CHARGES), invoice=_one_of(*_INVOICES)
    ),
    "charge": _object(
        _CHARGES,
        amount_refunded=_amounts(),
        payment_intent=_one_of(*_INTENTS),
        invoice=_one_of(*_INVOICES),
        refunds=st.none() | _refunds().map(listing),
    ),
    "refund": _refunds(),
    "charge.dispute": _object(
        ("dp_1", "dp_2"),
        amount=_amounts(),
        status=st.sampled_from(["needs_response", "won", "lost", "of a kind to come"]),
        **_LINKS,
    ),
    "review": _object(("prv_1",), **_LINKS),
    "radar.early_fraud_warning": _object(("issfr_1", "issfr_2"), **_LINKS),
    "invoice": _invoices(),
    "invoice_payment": _object(
        ("inpay_1",),
        invoice=_one_of(*_INVOICES),
        payment=_one_of(*_INTENTS).map(lambda found: {"payment_intent": found}),
    ),
    "customer.subscription": _object(
        _SUBSCRIPTIONS,
        status=st.sampled_from(["active", "past_due", "canceled", "of a kind to come"]),
        latest_invoice=_one_of(*_INVOICES),
    ),
    "product": _object(("prod_1",)),
}
