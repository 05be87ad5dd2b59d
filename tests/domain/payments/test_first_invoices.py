"""A subscription's first payment is made later, by its first invoice's payment intent."""

from collections.abc import Sequence

import pytest

from app.domain.payments.status import PaymentStatus
from app.domain.stripe_events.evidence import Evidence
from tests.domain.payments.test_holds import CANCELED, captured, in_every_order
from tests.support.builders import NOW_S
from tests.support.readings import COMPLETED, EXPIRED, FAILED, SUCCEEDED, evidence, fold
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
REFUSED = evidence(FAILED, SUBSCRIPTION)
BY_OTHER_MEANS = evidence(
    "invoice.paid", invoice(paid_out_of_band=True, payments=None), created=NOW_S + 500
)


def test_a_first_invoice_that_is_paid_later_by_other_means_is_no_contradiction() -> None:
    facts = in_every_order(SUBSCRIBED, REFUSED, BY_OTHER_MEANS)

    assert fold(SUBSCRIBED, REFUSED).status is PaymentStatus.FAILED
    assert facts.status is PaymentStatus.PAID
    assert facts.first_paid_at_s == NOW_S + 500
    assert not facts.contradicted


def test_a_first_invoice_proves_nothing_before_the_buyer_has_confirmed() -> None:
    expired = evidence(EXPIRED, SUBSCRIPTION)

    assert fold(expired, BY_OTHER_MEANS).status is PaymentStatus.EXPIRED
    assert fold(expired, REFUSED, BY_OTHER_MEANS).contradicted


def test_a_renewals_invoice_does_not_prove_the_first_payment() -> None:
    assert in_every_order(SUBSCRIBED, REFUSED, RENEWAL).status is PaymentStatus.FAILED


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
