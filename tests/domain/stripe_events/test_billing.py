from dataclasses import replace

import pytest

from app.domain.payments.facts import PaymentFacts
from app.domain.payments.subscriptions import Invoice, Subscription, SubscriptionStatus
from app.domain.stripe_events.evidence import CannotFoldError, Evidence
from app.domain.stripe_events.readers import read_evidence
from tests.support.builders import NOW_S, Document
from tests.support.readings import evidence, fold, stripe_event
from tests.support.stripe_objects import (
    invoice,
    invoice_payment,
    listing,
    old_invoice,
    payment_intent,
    subscription,
)

UPDATED = "customer.subscription.updated"
SUBSCRIPTION_EVENTS = [
    f"customer.subscription.{kind}"
    for kind in ("created", "updated", "deleted", "paused", "resumed", "trial_will_end")
]
FIRST_INVOICE = Invoice(
    paid=True, paid_at_s=NOW_S, is_first=True, amount_paid_minor=1999, payment_ids=("pi_1",)
)


def subscription_in(said: Evidence) -> Subscription:
    return said.facts.subscriptions["sub_1"]


def invoice_in(said: Evidence) -> Invoice:
    return said.facts.invoices["in_1"]


# --- subscriptions


@pytest.mark.parametrize("type_", SUBSCRIPTION_EVENTS)
@pytest.mark.parametrize("status", list(SubscriptionStatus))
def test_a_subscription_stands_as_its_status_says(type_: str, status: SubscriptionStatus) -> None:
    read = evidence(type_, subscription(status=status.value))

    state = Subscription(
        status=status,
        at_s=NOW_S,
        is_first=type_ == "customer.subscription.created",
        current_period_end_s=NOW_S + 2_592_000,
    )
    facts = PaymentFacts(subscriptions={"sub_1": state})
    assert read == Evidence(None, ("sub_1", "in_1"), facts)


@pytest.mark.parametrize("status", [None, "", "ACTIVE", "of_tomorrow", 7, True, [], {}])
def test_an_unknown_status_of_a_subscription_is_doubted_and_still_links(status: object) -> None:
    read = evidence(UPDATED, subscription(status=status))

    assert read == Evidence(
        None,
        ("sub_1", "in_1"),
        PaymentFacts(),
        ("data.object.status is missing or unknown",),
    )


@pytest.mark.parametrize(
    ("previous", "changed_status", "changed_nothing"),
    [
        (None, False, False),  # it was read from Stripe, which does not say what changed
        ({}, False, False),
        ({"items": {}}, False, True),
        ({"items": {}, "status": "incomplete"}, True, False),
        ({"cancel_at": None}, False, False),
        ({"cancel_at_period_end": False}, False, False),
    ],
)
def test_an_update_says_what_has_changed(
    previous: Document | None, *, changed_status: bool, changed_nothing: bool
) -> None:
    state = subscription_in(evidence(UPDATED, subscription(), previous=previous))

    assert (state.changed_status, state.changed_nothing) == (changed_status, changed_nothing)


def test_an_event_without_a_time_is_older_than_any_other() -> None:
    assert subscription_in(evidence(UPDATED, subscription(), created=None)).at_s == 0


def test_before_2025_the_period_stood_on_the_subscription() -> None:
    old = subscription(current_period_end=NOW_S + 7, items=listing({"id": "si_1"}))

    assert subscription_in(evidence(UPDATED, old)).current_period_end_s == NOW_S + 7


def test_since_2025_the_first_item_whose_period_ends_says_when_money_is_due() -> None:
    items = listing(
        {"current_period_end": NOW_S + 9},
        {"current_period_end": NOW_S + 5},
        {"current_period_end": "soon"},
    )

    assert subscription_in(evidence(UPDATED, subscription(items=items))).current_period_end_s == (
        NOW_S + 5
    )


@pytest.mark.parametrize("end", [None, -1, 1.5, "1760000000", True, 2**37, 10**400, [], {}])
def test_an_odd_end_of_a_period_is_left_out(end: object) -> None:
    odd = subscription(current_period_end=end, items=listing({"current_period_end": end}))

    assert subscription_in(evidence(UPDATED, odd)).current_period_end_s is None


@pytest.mark.parametrize("end", [0, 2**37 - 1])
def test_the_first_and_the_last_end_of_a_period_are_kept(end: int) -> None:
    odd = subscription(current_period_end=end, items=None)

    assert subscription_in(evidence(UPDATED, odd)).current_period_end_s == end


@pytest.mark.parametrize(
    ("value", "ends"), [(True, True), (False, False), (None, False), (1, False)]
)
def test_a_subscription_ends_with_its_period_only_where_stripe_says_so(
    value: object,
    ends: bool,  # noqa: FBT001 a row of the table
) -> None:
    read = evidence(UPDATED, subscription(cancel_at_period_end=value))

    assert subscription_in(read).cancel_at_period_end is ends


@pytest.mark.parametrize(
    ("fields", "cancel_at_s", "ends"),
    [
        ({"cancel_at": NOW_S + 9}, NOW_S + 9, True),
        ({"cancel_at": NOW_S + 5}, NOW_S + 5, True),  # the longest period's end is one, too
        ({"cancel_at": NOW_S + 7}, NOW_S + 7, False),
        ({"cancel_at": NOW_S + 7, "cancel_at_period_end": True}, NOW_S + 7, True),
        ({"cancel_at": "soon"}, None, False),
        ({"cancel_at": None}, None, False),
        ({}, None, False),
    ],
)
def test_a_subscription_that_is_to_end_by_a_date_ends_with_its_period_where_that_is_the_date(
    fields: Document,
    cancel_at_s: int | None,
    ends: bool,  # noqa: FBT001 a row of the table
) -> None:
    periods = listing({"current_period_end": NOW_S + 9}, {"current_period_end": NOW_S + 5})

    state = subscription_in(evidence(UPDATED, subscription(items=periods, **fields)))

    assert (state.cancel_at_s, state.cancel_at_period_end) == (cancel_at_s, ends)


def test_before_2025_a_subscription_may_end_with_its_own_period() -> None:
    old = subscription(current_period_end=NOW_S + 7, cancel_at=NOW_S + 7, items=None)

    assert subscription_in(evidence(UPDATED, old)).cancel_at_period_end


# --- invoices


def test_an_invoice_of_today_has_its_links_under_parent_and_payments() -> None:
    read = evidence("invoice.paid", invoice())

    facts = PaymentFacts(invoices={"in_1": FIRST_INVOICE})
    assert read == Evidence(None, ("in_1", "sub_1", "pi_1"), facts)


def test_an_invoice_before_2025_has_its_links_on_top() -> None:
    read = evidence("invoice.paid", old_invoice())

    known = replace(FIRST_INVOICE, payment_ids=("ch_1", "pi_1"))
    facts = PaymentFacts(invoices={"in_1": known})
    assert read == Evidence(None, ("in_1", "sub_1", "pi_1", "ch_1"), facts)


def test_an_invoices_links_may_be_expanded() -> None:
    expanded = invoice(
        parent={"subscription_details": {"subscription": subscription()}},
        payments=listing(
            {"payment": {"payment_intent": payment_intent()}},
            {"payment": {"charge": {"id": "ch_2"}}},
        ),
    )

    read = evidence("invoice.paid", expanded)

    assert read.object_ids == ("in_1", "sub_1", "pi_1", "ch_2")
    assert invoice_in(read).payment_ids == ("ch_2", "pi_1")


@pytest.mark.parametrize(
    ("type_", "fact"),
    [
        ("invoice.paid", "paid"),
        ("invoice.payment_succeeded", "paid"),
        ("invoice.payment_failed", "payment_failed"),
        ("invoice.payment_action_required", "action_required"),
        ("invoice.voided", "voided"),
        ("invoice.marked_uncollectible", "uncollectible"),
    ],
)
def test_each_event_of_an_invoice_proves_just_this(type_: str, fact: str) -> None:
    read = evidence(type_, {"id": "in_1"})

    proven: Document = {fact: True, "paid_at_s": NOW_S if fact == "paid" else None}
    assert read.facts == PaymentFacts(invoices={"in_1": Invoice(**proven)})


def test_paid_and_payment_succeeded_are_one_fact() -> None:
    paid, succeeded = (
        evidence("invoice.paid", invoice()),
        evidence("invoice.payment_succeeded", invoice()),
    )

    assert fold(paid, succeeded).invoices == {"in_1": FIRST_INVOICE}


@pytest.mark.parametrize(
    ("reason", "is_first", "is_renewal"),
    [
        ("subscription_create", True, False),
        ("subscription_cycle", False, True),
        ("subscription_update", False, True),
        ("manual", False, True),
        (None, False, False),
        (7, False, False),
        ([], False, False),
    ],
)
def test_an_invoices_reason_says_whether_it_is_the_first(
    reason: object,
    is_first: bool,  # noqa: FBT001 a row of the table
    is_renewal: bool,  # noqa: FBT001 a row of the table
) -> None:
    known = invoice_in(evidence("invoice.paid", invoice(billing_reason=reason)))

    assert known.is_first is is_first
    assert known.is_renewal is is_renewal


@pytest.mark.parametrize("odd", [None, 7, "", [], {}, {"data": None}, {"data": [7, None, []]}])
def test_odd_links_of_an_invoice_are_left_out(odd: object) -> None:
    read = evidence("invoice.paid", invoice(parent=odd, payments=odd))

    assert read.object_ids == ("in_1",)
    assert invoice_in(read).payment_ids == ()


@pytest.mark.parametrize("amount", [None, -1, 5.0, "500", True, 2**53, [], {}])
def test_an_odd_amount_of_an_invoice_is_left_out(amount: object) -> None:
    read = evidence("invoice.paid", invoice(amount_paid=amount))

    assert invoice_in(read).amount_paid_minor is None
    assert invoice_in(read).paid


# --- invoice payments


@pytest.mark.parametrize(
    ("payment", "paid_by"),
    [
        ({"type": "payment_intent", "payment_intent": "pi_1"}, "pi_1"),
        ({"type": "payment_intent", "payment_intent": {"id": "pi_1"}}, "pi_1"),
        ({"type": "charge", "charge": "ch_1"}, "ch_1"),
    ],
)
def test_an_invoice_payment_says_who_paid_which_invoice(payment: Document, paid_by: str) -> None:
    read = evidence("invoice_payment.paid", invoice_payment(payment=payment))

    facts = PaymentFacts(invoices={"in_1": Invoice(payment_ids=(paid_by,))})
    assert read == Evidence(None, ("in_1", paid_by), facts)


@pytest.mark.parametrize("invoice_id", [None, 7, "", "in 1", [], {}])
def test_an_invoice_payment_without_its_invoice_is_doubted(invoice_id: object) -> None:
    read = evidence("invoice_payment.paid", invoice_payment(invoice=invoice_id))

    doubts = ("data.object.invoice is missing or unknown",)
    assert read == Evidence(None, ("pi_1",), PaymentFacts(), doubts)


@pytest.mark.parametrize("id_", [None, "", 7, "in 1", [], {}])
@pytest.mark.parametrize("type_", ["invoice.paid", "customer.subscription.created"])
def test_an_object_without_its_id_cannot_be_folded(type_: str, id_: object) -> None:
    odd = stripe_event(type_, {"id": id_, "status": "active"})

    with pytest.raises(CannotFoldError, match=r"data\.object\.id"):
        read_evidence(odd)
