"""What belongs to a subscription's first payment, and what to its renewals."""

import itertools
from dataclasses import replace
from functools import reduce

import pytest

from app.domain.checkout.cart import Mode
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.intents import Intent, IntentState
from app.domain.payments.renewals import ids_in, refunded_minor, set_apart
from app.domain.payments.status import PaymentStatus
from app.domain.payments.subscriptions import Invoice
from app.domain.stripe_events.evidence import Evidence
from tests.support.builders import Document
from tests.support.readings import evidence, evidence_of_session, fold
from tests.support.stripe_objects import (
    charge,
    dispute,
    invoice,
    invoice_payment,
    listing,
    old_invoice,
    payment_intent,
    refund,
)

SESSION = evidence_of_session(
    mode="subscription", payment_intent=None, subscription="sub_1", invoice="in_1"
)
FIRST = evidence("invoice.paid", invoice())
OF_RENEWAL: Document = {"charge": "ch_2", "payment_intent": "pi_2"}


def renewal(number: int = 2, type_: str = "invoice.paid", **changes: object) -> Evidence:
    """An event of the renewal that `pi_<number>` pays."""
    fields: Document = {
        "id": f"in_{number}",
        "billing_reason": "subscription_cycle",
        "payments": listing({"payment": {"payment_intent": f"pi_{number}"}}),
    }
    return evidence(type_, invoice(**(fields | changes)))


# --- how many


def test_the_first_invoice_is_no_renewal() -> None:
    assert fold(SESSION, FIRST).renewals_paid == 0


def test_a_renewal_counts_once_though_two_events_say_that_it_was_paid() -> None:
    again = renewal(type_="invoice.payment_succeeded")

    assert fold(SESSION, FIRST, renewal(), again, renewal()).renewals_paid == 1


def test_each_renewal_counts() -> None:
    assert fold(SESSION, FIRST, renewal(2), renewal(3), renewal(4)).renewals_paid == 3


@pytest.mark.parametrize(
    "type_",
    [
        "invoice.payment_failed",
        "invoice.payment_action_required",
        "invoice.voided",
        "invoice.marked_uncollectible",
    ],
)
def test_a_renewal_that_was_not_paid_does_not_count(type_: str) -> None:
    assert fold(SESSION, FIRST, renewal(type_=type_)).renewals_paid == 0


def test_a_renewal_that_failed_and_was_paid_later_counts() -> None:
    failed = renewal(type_="invoice.payment_failed")

    assert fold(SESSION, failed, renewal()).renewals_paid == 1


@pytest.mark.parametrize(
    ("known", "renewals"),
    [
        # Its reason decides where the session names no invoice,
        (PaymentFacts(invoices={"in_2": Invoice(paid=True)}), 0),
        (PaymentFacts(invoices={"in_2": Invoice(paid=True, is_renewal=True)}), 1),
        (PaymentFacts(invoices={"in_2": Invoice(paid=True, is_first=True)}), 0),
        # and where it does, its name,
        (PaymentFacts(invoice_ids=("in_1",), invoices={"in_2": Invoice(paid=True)}), 1),
        (PaymentFacts(invoice_ids=("in_2",), invoices={"in_2": Invoice(paid=True)}), 0),
        (
            PaymentFacts(
                invoice_ids=("in_2",), invoices={"in_2": Invoice(paid=True, is_renewal=True)}
            ),
            0,
        ),
        # but the first is the first, whatever the session names.
        (
            PaymentFacts(
                invoice_ids=("in_1",), invoices={"in_2": Invoice(paid=True, is_first=True)}
            ),
            0,
        ),
    ],
)
def test_an_invoice_is_known_as_a_renewal_by_its_reason_or_by_not_being_the_sessions(
    known: PaymentFacts, renewals: int
) -> None:
    assert known.renewals_paid == renewals


def test_a_session_that_pays_once_has_no_renewals() -> None:
    own = evidence("invoice.paid", invoice(id="in_of_its_own", billing_reason="manual"))
    once = evidence_of_session(mode="payment", amount_total=1999, invoice=None)
    gone_back = evidence("refund.created", refund(amount=1999))

    facts = fold(once, own, gone_back)

    assert facts.mode is Mode.PAYMENT
    assert facts.renewals_paid == 0
    assert facts.status is PaymentStatus.REFUNDED


# --- whose money


def told_of_the_renewal() -> list[Evidence]:
    """Each way in which a renewal's money can go back or be fought over."""
    return [
        evidence("refund.created", refund(id="re_2", **OF_RENEWAL)),
        evidence("charge.refunded", charge(id="ch_2", payment_intent="pi_2", amount_refunded=500)),
        evidence("charge.dispute.created", dispute(id="dp_2", **OF_RENEWAL)),
    ]


@pytest.mark.parametrize(
    "bill",
    [
        renewal(),
        evidence(
            "invoice_payment.paid",
            invoice_payment(invoice="in_2", payment={"payment_intent": "pi_2"}),
        ),
        evidence(
            "invoice.paid",
            old_invoice(
                id="in_2",
                billing_reason="subscription_cycle",
                payment_intent="pi_2",
                charge="ch_2",
            ),
        ),
        evidence("payment_intent.succeeded", payment_intent(id="pi_2", invoice="in_2")),
        evidence("charge.succeeded", charge(id="ch_2", payment_intent="pi_2", invoice="in_2")),
    ],
    ids=["today", "invoice payment", "before 2025", "old intent", "old charge"],
)
def test_a_renewals_refund_and_dispute_are_not_the_first_payments(bill: Evidence) -> None:
    told = [SESSION, FIRST, bill, *told_of_the_renewal()]

    for order in itertools.permutations(told):
        facts = fold(*order)
        assert facts.amount_refunded_minor == 0
        assert facts.status is PaymentStatus.PAID
        assert len(facts.disputes) == 1
        assert len(facts.refunds) == 1


def test_the_first_payments_refund_and_dispute_count_beside_renewals() -> None:
    gone_back = fold(SESSION, FIRST, renewal(), evidence("refund.created", refund(amount=700)))
    fought_over = fold(SESSION, FIRST, renewal(), evidence("charge.dispute.created", dispute()))

    assert gone_back.amount_refunded_minor == 700
    assert gone_back.status is PaymentStatus.PARTIALLY_REFUNDED
    assert fought_over.status is PaymentStatus.DISPUTED


@pytest.mark.parametrize("known_by", [{"charge": None}, {"payment_intent": None}])
def test_a_renewals_dispute_is_known_by_its_charge_or_by_its_intent(known_by: Document) -> None:
    bill = evidence(
        "invoice.paid",
        old_invoice(
            id="in_2", billing_reason="subscription_cycle", payment_intent="pi_2", charge="ch_2"
        ),
    )
    fought_over = evidence("charge.dispute.created", dispute(**(OF_RENEWAL | known_by)))

    assert fold(SESSION, FIRST, bill, fought_over).status is PaymentStatus.PAID


def test_a_dispute_of_an_unknown_payment_is_the_first_payments() -> None:
    nameless = evidence("charge.dispute.created", dispute(charge=None, payment_intent=None))

    assert fold(SESSION, FIRST, renewal(), nameless).status is PaymentStatus.DISPUTED


def test_a_renewals_intent_contradicts_no_payment_that_ended_unpaid() -> None:
    intents = {"pi_2": Intent(state=IntentState.SUCCEEDED)}
    expired = PaymentFacts(expired=True, invoice_ids=("in_1",), intents=intents)

    assert expired.contradicted
    assert not expired.join(renewal().facts).contradicted


def test_after_a_trial_the_first_bill_with_money_is_a_renewal() -> None:
    trial = evidence_of_session(
        mode="subscription",
        payment_status="no_payment_required",
        amount_total=0,
        payment_intent=None,
        subscription="sub_1",
        invoice="in_1",
    )
    nothing_due = evidence("invoice.paid", invoice(amount_paid=0, payments=listing()))

    facts = fold(trial, nothing_due, renewal(), *told_of_the_renewal())

    assert facts.status is PaymentStatus.PAID
    assert facts.renewals_paid == 1


# --- set apart


def everything_of(number: int) -> list[Evidence]:
    """All that may be told of a renewal."""
    pi, ch = f"pi_{number}", f"ch_{number}"
    return [
        renewal(number),
        evidence("payment_intent.succeeded", payment_intent(id=pi, latest_charge=ch)),
        evidence("charge.refunded", charge(id=ch, payment_intent=pi, amount_refunded=5)),
        evidence("refund.created", refund(id=f"re_{number}", payment_intent=None, charge=ch)),
        evidence(
            "charge.dispute.created", dispute(id=f"dp_{number}", payment_intent=None, charge=ch)
        ),
    ]


def test_a_renewal_is_set_apart_with_all_that_belongs_to_it() -> None:
    own = evidence("refund.created", refund(id="re_own", amount=7))
    facts = fold(SESSION, FIRST, own, *everything_of(2), *everything_of(3))

    first, renewals = set_apart(facts)

    assert first == fold(SESSION, FIRST, own)
    assert renewals == {f"in_{number}": fold(*everything_of(number)) for number in (2, 3)}
    assert reduce(PaymentFacts.join, renewals.values(), first) == facts
    assert (first.status, first.amount_refunded_minor) == (facts.status, 7)
    assert facts.amount_refunded_minor == 7


def test_a_part_is_found_by_every_id_that_it_holds_or_names() -> None:
    assert ids_in(fold(*everything_of(2))) == {"in_2", "pi_2", "ch_2", "re_2", "dp_2"}
    assert ids_in(renewal(2).facts) == {"in_2", "pi_2"}


def test_what_two_renewals_lay_claim_to_is_the_ones_whose_id_comes_first() -> None:
    both = evidence("refund.created", refund(payment_intent="pi_3", charge="ch_2"))
    facts = fold(SESSION, FIRST, *everything_of(2), *everything_of(3), both)

    _, renewals = set_apart(facts)

    assert "re_1" in renewals["in_2"].refunds


def test_what_pays_the_first_payment_is_never_a_renewals() -> None:
    odd = renewal(payments=listing({"payment": {"payment_intent": "pi_1"}}))
    gone_back = evidence("refund.created", refund(amount=7))
    facts = fold(SESSION, FIRST, odd, gone_back)

    first, renewals = set_apart(facts)

    assert set(renewals["in_2"].invoices) == {"in_2"}
    assert first.amount_refunded_minor == facts.amount_refunded_minor == 7


@pytest.mark.parametrize("mode", [Mode.PAYMENT, None])
def test_nothing_is_set_apart_where_no_subscription_is_known(mode: Mode | None) -> None:
    facts = replace(fold(SESSION, FIRST, *everything_of(2)), mode=mode)

    assert set_apart(facts) == (facts, {})
    assert set_apart(fold(SESSION, FIRST)) == (fold(SESSION, FIRST), {})


def test_what_was_refunded_of_several_renewals_is_added() -> None:
    told = [
        renewal(2),
        renewal(3),
        evidence("refund.created", refund(id="re_2", charge=None, payment_intent="pi_2")),
        evidence("charge.refunded", charge(id="ch_3", payment_intent="pi_3", amount_refunded=7)),
        evidence("refund.created", refund(id="re_1", charge=None)),
    ]
    first, renewals = set_apart(fold(SESSION, FIRST, *told))

    assert refunded_minor(renewals.values()) == 507
    assert first.amount_refunded_minor == 500
    assert refunded_minor([]) == 0
