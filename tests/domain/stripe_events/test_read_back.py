"""An object that was read says what has happened to it, as events would have."""

import re

import pytest

from app.domain.checkout.cart import LineItem
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.status import PaymentStatus
from app.domain.stripe_events.event import read_event
from app.domain.stripe_events.evidence import Subject
from app.domain.stripe_events.read_back import event_of_line_items, events_made_of
from app.domain.stripe_events.readers import read_evidence
from app.domain.stripe_events.sessions import bought_in
from tests.support.builders import NOW_S, Document, session
from tests.support.stripe_objects import (
    charge,
    dispute,
    invoice,
    payment_intent,
    refund,
    subscription,
)

LATER_S = NOW_S + 1_000
WITHOUT_MEANS = payment_intent(status="requires_payment_method")
CARD = {"type": "card", "card": {"brand": "visa"}}
BY_CARD = charge(created=NOW_S, payment_method_details=CARD)
CHARGED = payment_intent(latest_charge=BY_CARD, capture_method="automatic_async")


def facts_of(subject: Subject) -> PaymentFacts:
    facts = PaymentFacts()
    for document in events_made_of(subject, now_s=LATER_S):
        evidence = read_evidence(read_event(document))
        if evidence:
            facts = facts.join(evidence.facts)
    return facts


def types_of(subject: Subject) -> list[object]:
    return [document["type"] for document in events_made_of(subject, now_s=LATER_S)]


def unpaid(**changes: object) -> Subject:
    """Return a complete session whose delayed payment has failed."""
    fields = {"payment_status": "unpaid", "payment_intent": WITHOUT_MEANS}
    return session(**(fields | changes))


@pytest.mark.parametrize(
    ("subject", "status"),
    [
        (session(status="open", payment_status="unpaid", payment_intent=None), "open"),
        (session(status="expired", payment_status="unpaid", payment_intent=None), "expired"),
        (session(), "paid"),
        (session(payment_intent=CHARGED), "paid"),
        (session(payment_status="no_payment_required", payment_intent=None), "paid"),
        (
            session(payment_status="unpaid", payment_intent=payment_intent(status="processing")),
            "processing",
        ),
        (
            session(
                payment_status="unpaid",
                payment_intent=payment_intent(status="requires_payment_method"),
            ),
            "failed",
        ),
        (
            session(payment_status="unpaid", payment_intent=payment_intent(status="canceled")),
            "failed",
        ),
        (
            session(
                payment_intent=payment_intent(
                    latest_charge=charge(amount_refunded=1999, created=NOW_S)
                )
            ),
            "refunded",
        ),
    ],
)
def test_a_sessions_status_is_what_its_events_would_have_told(
    subject: Subject, status: str
) -> None:
    assert facts_of(subject).status is PaymentStatus(status)


def test_the_time_of_payment_is_the_charges_or_else_now() -> None:
    assert facts_of(session(payment_intent=CHARGED)).first_paid_at_s == NOW_S
    assert facts_of(session()).first_paid_at_s == LATER_S
    without_time = payment_intent(latest_charge=charge(payment_method_details=CARD))
    assert facts_of(session(payment_intent=without_time)).first_paid_at_s == LATER_S


@pytest.mark.parametrize(
    "intent",
    [
        CHARGED | {"capture_method": "manual"},
        CHARGED | {"payment_method_options": {"card": {"capture_method": "manual"}}},
        CHARGED | {"latest_charge": BY_CARD | {"payment_method_details": {"type": "sepa_debit"}}},
        CHARGED | {"latest_charge": BY_CARD | {"payment_method_details": None}},
    ],
)
def test_a_payment_that_comes_after_its_charge_is_not_as_old_as_that(intent: Document) -> None:
    """The event that was lost may still come, and tells the earlier time."""
    read = facts_of(session(payment_intent=intent))

    assert read.first_paid_at_s == LATER_S
    assert read.join(PaymentFacts(paid=True, paid_at_s=LATER_S - 9)).first_paid_at_s == LATER_S - 9


def test_expanded_objects_become_ids_as_in_events() -> None:
    made = events_made_of(session(payment_intent=CHARGED), now_s=LATER_S)

    subjects = [read_event(document).subject for document in made]
    assert [each["object"] for each in subjects] == ["checkout.session", "payment_intent", "charge"]
    assert subjects[0]["payment_intent"] == "pi_1"
    assert subjects[1]["latest_charge"] == "ch_1"


@pytest.mark.parametrize(
    ("subject", "types"),
    [
        (payment_intent(), ["payment_intent.succeeded"]),
        (payment_intent(status="canceled"), ["payment_intent.canceled"]),
        (payment_intent(status="requires_payment_method"), []),
        (
            payment_intent(status="requires_payment_method", last_payment_error={"code": "x"}),
            ["payment_intent.payment_failed"],
        ),
        (charge(), ["charge.updated"]),
        (refund(), ["refund.updated"]),
        (refund(status="failed"), ["refund.failed"]),
        (refund(status="canceled"), ["refund.updated"]),
        (refund(status=None), ["refund.updated"]),
        (dispute(), ["charge.dispute.updated"]),
        (
            dispute(balance_transactions=[{"amount": -1}, {"amount": 1}, "x"]),
            [
                "charge.dispute.updated",
                "charge.dispute.funds_withdrawn",
                "charge.dispute.funds_reinstated",
            ],
        ),
        (subscription(), ["customer.subscription.updated"]),
        (subscription(status="canceled"), ["customer.subscription.deleted"]),
        (subscription(status="active"), ["customer.subscription.updated"]),
        (subscription(status="past_due"), ["customer.subscription.updated"]),
        (invoice(status="paid"), ["invoice.paid"]),
        (invoice(status="void"), ["invoice.voided"]),
        (invoice(status="uncollectible"), ["invoice.marked_uncollectible"]),
        (invoice(status="open", attempted=True), ["invoice.payment_failed"]),
        (invoice(status="open", attempted=False), []),
        *((session(status=status), []) for status in ("open", "a", "d", "z", "", None)),
        *(
            (unpaid(payment_status=status), ["checkout.session.completed"])
            for status in ("paid", "a", "z", "", None)
        ),
        *(
            (unpaid(payment_intent=payment_intent(status=status)), ["checkout.session.completed"])
            for status in ("requires_action", "a", "z", "", None)
        ),
        (unpaid(), ["checkout.session.completed", "checkout.session.async_payment_failed"]),
        (payment_intent(status=["succeeded"]), []),
        (invoice(status={}), []),
        ({"id": "po_1", "object": "payout"}, []),
        ({}, []),
    ],
)
def test_each_object_stands_for_the_events_of_its_state(
    subject: Subject, types: list[object]
) -> None:
    assert types_of(subject) == types


def test_what_says_the_same_is_the_same_event_and_what_says_more_is_another() -> None:
    (first,) = events_made_of(refund(), now_s=NOW_S)
    (again,) = events_made_of(refund(), now_s=LATER_S)
    (other,) = events_made_of(refund(status="pending"), now_s=NOW_S)

    assert first["id"] == again["id"] != other["id"]
    assert str(first["id"]).startswith("evt_read_")


def test_a_subscription_that_returns_to_an_earlier_state_is_another_event() -> None:
    """Its latest event counts, so one with the id of an earlier one would be ignored."""
    (first,) = events_made_of(subscription(), now_s=NOW_S)
    (again,) = events_made_of(subscription(), now_s=NOW_S)
    (later,) = events_made_of(subscription(), now_s=LATER_S)

    assert first["id"] == again["id"] != later["id"]


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("livemode", [True, False, None])
def test_the_mode_is_the_objects(*, own: bool, livemode: bool | None) -> None:
    (document,) = events_made_of(charge(livemode=own), now_s=NOW_S, livemode=livemode)

    assert document["livemode"] is own


@pytest.mark.parametrize("livemode", [True, False, None])
def test_an_object_without_a_mode_gets_the_keys(*, livemode: bool | None) -> None:
    (document,) = events_made_of(refund(), now_s=NOW_S, livemode=livemode)

    assert document["livemode"] is livemode


def test_an_id_is_made_of_the_content_in_any_order_of_its_keys() -> None:
    (one,) = events_made_of(refund(), now_s=1)
    (same,) = events_made_of(dict(reversed(refund().items())), now_s=2)
    (other,) = events_made_of(refund(amount=7), now_s=1)

    assert one["id"] == same["id"] != other["id"]
    assert re.fullmatch(r"evt_read_[0-9a-f]{48}", str(one["id"]))


@pytest.mark.parametrize("differs", [True, False])
def test_line_items_that_were_read_are_all_and_say_whether_the_cart_differs(
    differs: bool,  # noqa: FBT001 an example
) -> None:
    item = {"price": {"id": "price_A"}, "quantity": 2}
    document = event_of_line_items("cs_live_1", [item], differs_from_cart=differs, now_s=NOW_S)

    evidence = read_evidence(read_event(document))

    assert evidence is not None
    details = evidence.facts.details
    assert details is not None
    assert (details.items_differ, details.items_missing) == (differs, False)
    assert [(each.price, each.quantity) for each in details.bought or ()] == [("price_A", 2)]
    assert (evidence.session_id, evidence.doubts) == ("cs_live_1", ())
    listed = {"object": "list", "data": [item], "has_more": False}
    assert read_event(document).subject["line_items"] == listed
    assert document["livemode"] is True
    assert event_of_line_items("cs_test_1", [], differs_from_cart=False, now_s=1)["livemode"] is (
        False
    )


def test_a_line_item_without_a_price_or_a_quantity_is_left_out() -> None:
    items: list[Subject] = [
        {"price": None, "quantity": 1},
        {"price": "price_A", "quantity": None},
        {"price": "price_B", "quantity": "2"},
        {"price": "price_C", "quantity": 3},
        {},
    ]

    assert bought_in(items) == (LineItem("price_C", 3),)


@pytest.mark.parametrize(
    ("prices", "recurring_minor"),
    [
        ([], 0),
        ([{"type": "one_time", "unit_amount": 500}], 0),
        ([{"type": "recurring", "unit_amount": 1900}], 3800),
        ([{"type": "recurring", "unit_amount": 1900}, {"type": "one_time"}], 3800),
        ([{"type": "one_time"}, {"type": "recurring", "unit_amount": 1900}], 3800),
        ([{"type": "recurring", "unit_amount": 1}, {"type": "recurring", "unit_amount": 2}], 6),
        ([{"type": "recurring", "unit_amount": None}], None),
        ([{"type": "recurring", "unit_amount": 1900}, {}], None),
        ([{"type": "recurring", "unit_amount": 10**16}], None),
        (["price_A"], None),
    ],
)
def test_line_items_tell_what_recurs(prices: list[object], recurring_minor: int | None) -> None:
    items = [{"price": price, "quantity": 2} for price in prices]
    document = event_of_line_items("cs_live_1", items, differs_from_cart=False, now_s=NOW_S)

    evidence = read_evidence(read_event(document))

    assert evidence is not None
    assert evidence.facts.details is not None
    assert evidence.facts.details.recurring_minor == recurring_minor


def test_a_move_of_nothing_is_no_move() -> None:
    moves = [{"amount": 0}, {"amount": None}]

    assert types_of(dispute(balance_transactions=moves)) == ["charge.dispute.updated"]


@pytest.mark.parametrize(
    ("amount", "moved"),
    [(-1, "charge.dispute.funds_withdrawn"), (1, "charge.dispute.funds_reinstated")],
)
def test_the_balance_says_which_way_the_money_went(amount: int, moved: str) -> None:
    subject = dispute(balance_transactions=[{"amount": amount}])

    assert types_of(subject) == ["charge.dispute.updated", moved]
