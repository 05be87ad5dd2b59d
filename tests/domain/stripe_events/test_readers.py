"""Which events concern a payment, and that no event can do harm."""

import json
from pathlib import Path
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.checkout.cart import Mode
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.refunds import RefundState
from app.domain.payments.session_details import SessionDetails
from app.domain.payments.status import PaymentStatus
from app.domain.stripe_events.event import StripeEvent, read_event
from app.domain.stripe_events.evidence import CannotFoldError, Evidence
from app.domain.stripe_events.readers import READERS, read_evidence
from tests.support import stripe_objects
from tests.support.builders import Document, session, thin_event
from tests.support.readings import COMPLETED, fold, stripe_event
from tests.support.real_events import real_events
from tests.support.stripe_objects import charge, listing, refund

SPEAKING_PREFIXES = (
    "checkout.session.",
    "payment_intent.",
    "charge.",
    "refund.",
    "review.",
    "radar.early_fraud_warning.",
    "invoice.paid",
    "invoice.voided",
    "invoice_payment.paid",
    "customer.subscription.",
)
OBJECTS: Final[list[Document]] = [
    session(mode="subscription", subscription="sub_1", invoice="in_1"),
    stripe_objects.payment_intent(invoice="in_1", charges=listing(charge())),
    charge(amount_refunded=500, invoice="in_1", refunds=listing(refund())),
    refund(),
    stripe_objects.dispute(),
    stripe_objects.review(),
    stripe_objects.fraud_warning(),
    stripe_objects.subscription(),
    stripe_objects.invoice(),
    stripe_objects.old_invoice(),
    stripe_objects.invoice_payment(),
]
NAMES: Final = sorted({name for fields in OBJECTS for name in fields})
ODD: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([-1, 0, 2**37, 2**53, 2**64, -(10**400), 10**400])
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["pi_1", "in_1", "paid", "succeeded", "active", "\ud800", "\0", "%", "[::"]),
    lambda values: (
        st.lists(values, max_size=4)
        | st.fixed_dictionaries({"data": st.lists(values, max_size=4)})
        | st.dictionaries(st.sampled_from([*NAMES, "data", "payment"]), values, max_size=4)
    ),
    max_leaves=12,
)
TYPES: Final = (
    st.sampled_from([*READERS, "payment_intent.succeeded", "payment_intent.x", "v1.charge.failed"])
    | st.text()
)


def read_file(path: Path) -> Evidence | None:
    return read_evidence(read_event(json.loads(path.read_bytes())))


def real(type_: str) -> Evidence:
    (path,) = (path for path in real_events() if path.stem == type_)
    read = read_file(path)
    assert read is not None
    return read


# --- which events speak of a payment


@pytest.mark.parametrize("path", real_events(), ids=lambda path: path.stem)
def test_just_these_real_events_concern_a_payment(path: Path) -> None:
    assert (read_file(path) is not None) == path.stem.startswith(SPEAKING_PREFIXES)


@pytest.mark.parametrize("path", real_events(), ids=lambda path: path.stem)
def test_no_real_event_is_doubted(path: Path) -> None:
    read = read_file(path)

    assert read is None or read.doubts == ()


def test_the_real_session_is_paid() -> None:
    read = real(COMPLETED)

    assert read.facts == PaymentFacts(
        paid=True,
        paid_at_s=1619697430,
        mode=Mode.PAYMENT,
        amount_total_minor=999,
        amount_subtotal_minor=999,
        currency="eur",
        intent_ids=("pi_1IqxJOJDPojXS6LN9uOebAea",),
        invoice_ids=("in_1KJqKBJDPojXS6LNJbvLUgEy",),
        details=SessionDetails(
            amount_discount_minor=0,
            amount_tax_minor=65,
            amount_shipping_minor=0,
            livemode=True,
            created_s=1756310605,
        ),
    )
    assert read.object_ids == ("pi_1IqxJOJDPojXS6LN9uOebAea", "in_1KJqKBJDPojXS6LNJbvLUgEy")


def test_the_real_charge_with_the_refund_that_it_holds_has_gone_back_once() -> None:
    read = real("charge.refunded")

    assert len(read.facts.refunds) == 1
    assert read.facts.amount_refunded_minor == 2500


def test_the_real_refund_that_failed_has_failed_though_its_object_says_otherwise() -> None:
    created, failed = real("refund.created"), real("refund.failed")

    facts = fold(failed, created)

    assert created.facts.amount_refunded_minor == 1000
    assert [known.state for known in facts.refunds.values()] == [RefundState.FAILED]
    assert facts.amount_refunded_minor == 0


@pytest.mark.parametrize(
    "type_",
    ["customer.created", "invoice.created", "invoice.finalized", "charge.dispute.of_tomorrow", "x"],
)
def test_an_event_of_another_kind_says_nothing(type_: str) -> None:
    assert read_evidence(stripe_event(type_, session())) is None


@pytest.mark.parametrize("type_", ["payment_intent", "a.payment_intent.succeeded", "v1.v1.charge"])
def test_only_what_begins_so_is_an_intents_event(type_: str) -> None:
    assert read_evidence(stripe_event(type_, stripe_objects.payment_intent())) is None


# --- thin events


def test_only_a_session_in_setup_mode_is_about_no_payment() -> None:
    for type_ in ("completed", "expired"):
        assert (
            read_evidence(stripe_event(f"checkout.session.{type_}", session(mode="setup"))) is None
        )
    assert read_evidence(stripe_event("charge.succeeded", {"id": "ch_1", "mode": "setup"}))


def test_a_thin_event_about_something_else_says_nothing() -> None:
    assert read_evidence(read_event(thin_event())) is None


@pytest.mark.parametrize("version", ["", "v1."])
@pytest.mark.parametrize("type_", [*READERS, "payment_intent.succeeded", "payment_intent.x"])
def test_a_thin_event_about_a_payment_cannot_be_folded(version: str, type_: str) -> None:
    thin = read_event(thin_event(type=version + type_))

    with pytest.raises(CannotFoldError, match="the event is thin"):
        read_evidence(thin)


@pytest.mark.parametrize("type_", READERS)
def test_an_event_with_an_empty_object_cannot_be_folded(type_: str) -> None:
    with pytest.raises(CannotFoldError):
        read_evidence(stripe_event(type_, {}))


# --- nothing does any harm


@given(TYPES, st.dictionaries(st.sampled_from(NAMES), ODD), st.none() | st.integers(0, 2**37))
def test_an_object_made_of_anything_is_read_or_cannot_be_folded(
    type_: str, subject: Document, created_s: int | None
) -> None:
    read_or_cannot_be_folded(type_, subject, created_s=created_s)


@given(
    TYPES,
    st.sampled_from(OBJECTS),
    st.dictionaries(st.sampled_from(NAMES), ODD, max_size=3),
    st.dictionaries(st.text(), ODD, max_size=2),
)
@example("charge.refunded", charge(), {"refunds": listing({"id": []}, {"amount": -1})}, {})
@example(COMPLETED, session(), {"success_url": "https://[::"}, {})
@example(COMPLETED, session(), {"success_url": "https://\u2100.example/?checkout_id=%ff"}, {})
def test_an_object_with_anything_in_its_fields_is_read_or_cannot_be_folded(
    type_: str, subject: Document, odd: Document, previous: Document
) -> None:
    read_or_cannot_be_folded(type_, subject | odd, previous=previous)


def test_an_object_of_any_depth_is_read() -> None:
    deep: object = "pi_1"
    for _ in range(100_000):
        deep = {"id": deep}

    read = read_evidence(
        event_of("refund.created", refund(payment_intent=deep, charge=[deep], status=deep))
    )

    assert read is not None
    assert read.object_ids == ()
    assert read.doubts


def read_or_cannot_be_folded(
    type_: str,
    subject: Document,
    *,
    created_s: int | None = None,
    previous: Document | None = None,
) -> None:
    """Any other exception than CannotFoldError fails the test; what is read is whole."""
    read = None
    try:
        read = read_evidence(event_of(type_, subject, created_s=created_s, previous=previous))
    except CannotFoldError as error:
        assert str(error)  # noqa: PT017 both outcomes are right, each has its own proof
    if read is not None:
        assert all(isinstance(object_id, str) for object_id in read.object_ids)
        assert len(set(read.object_ids)) == len(read.object_ids)
        assert len(set(read.doubts)) == len(read.doubts)
        assert read.facts.join(read.facts) == read.facts
        assert read.facts.status in PaymentStatus
        assert read.facts.amount_refunded_minor >= 0


def event_of(
    type_: str,
    subject: Document,
    *,
    created_s: int | None = None,
    previous: Document | None = None,
) -> StripeEvent:
    """An event past the checks that its frame has to pass, to get at what comes behind them."""
    return StripeEvent(
        id="evt_1",
        type=type_,
        created_s=created_s,
        account=None,
        livemode=None,
        subject=subject,
        previous_attributes=previous or {},
    )
