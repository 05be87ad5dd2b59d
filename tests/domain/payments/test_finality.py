"""When a payment is final, and which refunds belong to the first payment."""

import pytest

from app.domain.checkout.cart import Mode
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.refunds import Refund, RefundState
from app.domain.payments.status import PaymentStatus

BY_STATUS = {
    PaymentStatus.OPEN: PaymentFacts(recoverable=True),
    PaymentStatus.PROCESSING: PaymentFacts(awaits_bank=True, recoverable=True),
    PaymentStatus.PAID: PaymentFacts(paid=True, recoverable=True),
}


@pytest.mark.parametrize("status", BY_STATUS)
def test_what_can_still_change_is_not_final(status: PaymentStatus) -> None:
    facts = BY_STATUS[status]

    assert facts.status is status
    assert facts.is_final is False


def test_an_expired_payment_is_final_unless_stripe_may_recover_it() -> None:
    assert PaymentFacts(expired=True).is_final is True
    assert PaymentFacts(expired=True, recoverable=True).is_final is False


@pytest.mark.parametrize("recoverable", [False, True])
def test_a_payment_that_failed_is_final_whether_recoverable_or_not(*, recoverable: bool) -> None:
    assert PaymentFacts(bank_failed=True, recoverable=recoverable).is_final is True


@pytest.mark.parametrize(
    ("mode", "intent_ids", "intent_id", "refunded_minor"),
    [
        (Mode.PAYMENT, ("pi_1",), "pi_1", 5),
        (Mode.PAYMENT, ("pi_1",), None, 5),
        (Mode.PAYMENT, ("pi_1",), "pi_other", 0),
        (Mode.PAYMENT, (), "pi_other", 5),
        (Mode.SUBSCRIPTION, ("pi_1",), "pi_other", 5),
        (None, ("pi_1",), "pi_other", 5),
    ],
)
def test_only_a_session_that_pays_once_and_names_its_intent_counts_no_other(
    mode: Mode | None, intent_ids: tuple[str, ...], intent_id: str | None, refunded_minor: int
) -> None:
    refund = Refund(state=RefundState.SUCCEEDED, amount_minor=5, intent_id=intent_id)

    facts = PaymentFacts(paid=True, mode=mode, intent_ids=intent_ids, refunds={"re_1": refund})

    assert facts.amount_refunded_minor == refunded_minor
