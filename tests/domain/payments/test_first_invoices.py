"""A subscription's first payment is made later, by its first invoice's payment intent."""

from collections.abc import Sequence

import pytest

from app.domain.payments.status import PaymentStatus
from app.domain.stripe_events.evidence import Evidence
from tests.domain.payments.test_holds import CANCELED, captured, in_every_order
from tests.support.readings import COMPLETED, SUCCEEDED, evidence, fold
from tests.support.stripe_objects import invoice, payment_intent, refund

# A subscription whose first payment a bank has not made yet.
SUBSCRIPTION = {
    "id": "cs_test_a1",
    "mode": "subscription",
    "payment_status": "unpaid",
    "subscription": "sub_1",
    "invoice": "in_1",
    "amount_total": 1999,
    "currency": "eur",
}
SUBSCRIBED = evidence(COMPLETED, SUBSCRIPTION)
RENEWAL = evidence(
    "invoice.paid",
    invoice(
        id="in_2",
        billing_reason="subscription_cycle",
        payments={"data": [{"payment": {"payment_intent": "pi_2"}}]},
    ),
)


CREDITED = captured(amount=1699, amount_received=1699)
FIRST_INVOICE = evidence("invoice.paid", invoice(amount_paid=1699))


@pytest.mark.parametrize("told", [[], [evidence(SUCCEEDED, SUBSCRIPTION)]])
def test_what_a_credit_balance_pays_of_a_subscription_is_no_refund(
    told: Sequence[Evidence],
) -> None:
    facts = in_every_order(SUBSCRIBED, FIRST_INVOICE, CREDITED, *told)

    assert facts.status is PaymentStatus.PAID
    assert facts.amount_refunded_minor == 0


def test_a_refund_of_all_but_the_credit_balance_is_a_whole_one() -> None:
    paid = evidence(COMPLETED, SUBSCRIPTION | {"payment_status": "paid"})
    told = [paid, FIRST_INVOICE, CREDITED]
    most, rest = refund(amount=1698), refund(id="re_2", amount=1)

    assert in_every_order(*told, evidence("refund.created", most)).status is (
        PaymentStatus.PARTIALLY_REFUNDED
    )
    facts = fold(*told, evidence("refund.created", most), evidence("refund.created", rest))
    assert facts.status is PaymentStatus.REFUNDED


@pytest.mark.parametrize("type_", ["payment_intent.succeeded", CANCELED])
def test_a_renewals_intent_does_not_count_for_the_first_payment(type_: str) -> None:
    renewed = evidence(type_, payment_intent(id="pi_2", latest_charge="ch_2", amount_received=5))

    facts = in_every_order(SUBSCRIBED, RENEWAL, renewed)

    assert facts.status is PaymentStatus.PROCESSING
    assert facts.amount_refunded_minor == 0


def test_an_intent_of_a_bill_that_may_be_a_renewals_proves_nothing() -> None:
    payment = {"invoice": "in_2", "payment": {"payment_intent": "pi_2"}}
    paid_by = evidence("invoice_payment.paid", payment)

    assert in_every_order(SUBSCRIBED, paid_by, captured(id="pi_2")).status is (
        PaymentStatus.PROCESSING
    )


def test_the_first_bills_intent_proves_the_first_payment() -> None:
    assert in_every_order(SUBSCRIBED, evidence("invoice.paid", invoice()), captured()).status is (
        PaymentStatus.PAID
    )
