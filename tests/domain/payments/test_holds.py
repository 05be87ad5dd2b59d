"""A hold is captured, partly or fully, or canceled; its session stays `unpaid`."""

import itertools
from collections.abc import Sequence

import pytest

from app.domain.payments.facts import PaymentFacts
from app.domain.payments.status import PaymentStatus
from app.domain.stripe_events.evidence import Evidence
from tests.support.builders import NOW_S, Document
from tests.support.readings import (
    EXPIRED,
    FAILED,
    SUCCEEDED,
    evidence,
    evidence_of_session,
    fold,
)
from tests.support.stripe_objects import charge, payment_intent, refund

UNPAID = evidence_of_session(payment_status="unpaid")
CANCELED = "payment_intent.canceled"
REASONS = [
    "abandoned",
    "automatic",
    "duplicate",
    "expired",
    "failed_invoice",
    "fraudulent",
    "requested_by_customer",
    "void_invoice",
    None,
]


def captured(**changes: object) -> Evidence:
    return evidence("payment_intent.succeeded", payment_intent(**changes), created=NOW_S + 60)


def in_every_order(*told: Evidence) -> PaymentFacts:
    """What all of this proves, which no order may change."""
    facts = fold(*told)
    for order in itertools.permutations(told):
        assert fold(*order) == facts
    return facts


def test_a_buyer_has_confirmed_a_hold() -> None:
    held = evidence("payment_intent.amount_capturable_updated", payment_intent(status="held"))

    assert in_every_order(UNPAID, held).status is PaymentStatus.PROCESSING


@pytest.mark.parametrize("fields", [{}, {"amount_received": 1999}, {"latest_charge": None}])
def test_a_hold_that_is_captured_is_paid_from_then_on(fields: Document) -> None:
    facts = in_every_order(UNPAID, captured(**fields))

    assert facts.status is PaymentStatus.PAID
    assert facts.first_paid_at_s == NOW_S + 60
    assert facts.amount_refunded_minor == 0
    assert not facts.contradicted


def test_a_charge_that_is_captured_is_no_proof_for_more_captures_may_follow() -> None:
    part = charge(captured=True, amount_captured=500)
    told = [evidence("charge.captured", part), evidence("charge.updated", part)]

    assert in_every_order(UNPAID, *told).status is PaymentStatus.PROCESSING
    assert in_every_order(UNPAID, *told, captured(amount_received=1999)).status is (
        PaymentStatus.PAID
    )


# A hold of 1,999 of which 1,500 are captured. Before API version 2025-03-31, Stripe refunds the
# rest by itself and says so; since then, it only releases it.
PART = captured(amount_received=1500)
REST = refund(id="re_rest", amount=499)
AT_THE_CAPTURE = [None, NOW_S + 59, NOW_S + 60, NOW_S + 61]  # an older version stored no time
TOLD_OF_THE_REST = [
    [],
    [evidence("charge.captured", charge(captured=True, amount_captured=1500, amount_refunded=499))],
    [evidence("charge.refunded", charge(amount_refunded=499)), evidence("refund.created", REST)],
    *([evidence("refund.created", REST | {"created": at_s})] for at_s in AT_THE_CAPTURE),
]


@pytest.mark.parametrize("rest", TOLD_OF_THE_REST)
def test_what_a_capture_leaves_of_a_hold_has_gone_back_once(rest: Sequence[Evidence]) -> None:
    facts = in_every_order(UNPAID, PART, *rest)

    assert facts.status is PaymentStatus.PARTIALLY_REFUNDED
    assert facts.amount_refunded_minor == 499


def test_a_refund_of_what_was_captured_in_part_comes_on_top() -> None:
    reported = evidence("charge.refunded", charge(amount_refunded=1999))
    whole = evidence("refund.created", refund(amount=1500))

    facts = in_every_order(UNPAID, PART, evidence("refund.created", REST), whole, reported)

    assert facts.status is PaymentStatus.REFUNDED
    assert facts.amount_refunded_minor == 1999


def test_a_later_refund_of_as_much_as_the_rest_comes_on_top() -> None:
    """Since API version 2025-03-31, the charge reports only what was really refunded."""
    back = evidence("refund.created", refund(amount=499, created=NOW_S + 62))
    reported = evidence("charge.refunded", charge(amount_refunded=499))

    facts = in_every_order(UNPAID, PART, back, reported)

    assert facts.status is PaymentStatus.PARTIALLY_REFUNDED
    assert facts.amount_refunded_minor == 998


def test_a_refund_of_the_captured_half_is_a_whole_one() -> None:
    unpaid = evidence_of_session(payment_status="unpaid", amount_total=2000)
    half = captured(amount=2000, amount_received=1000)
    back = evidence("refund.created", refund(amount=1000, created=NOW_S + 86_400))

    assert fold(unpaid, half).amount_refunded_minor == 1000
    facts = in_every_order(unpaid, half, back)
    assert (facts.status, facts.amount_refunded_minor) == (PaymentStatus.REFUNDED, 2000)


REPORT = evidence("charge.refunded", charge(amount_refunded=1999))


@pytest.mark.parametrize("told", [[], [REPORT], [evidence("refund.created", REST)]])
def test_a_hold_whose_captured_part_is_refunded_is_refunded(told: Sequence[Evidence]) -> None:
    """Whether or not the charge's report and a refund of the rest come, too."""
    facts = in_every_order(UNPAID, PART, evidence("refund.created", refund(amount=1500)), *told)

    assert facts.status is PaymentStatus.REFUNDED
    assert facts.amount_refunded_minor == 1999


@pytest.mark.parametrize("ids", [{}, {"payment_intent": None}])
def test_a_refund_of_some_of_the_captured_part_comes_on_top_of_the_rest(ids: Document) -> None:
    linked = evidence("charge.succeeded", charge(amount_refunded=1))
    facts = in_every_order(
        UNPAID, PART, linked, evidence("refund.created", refund(amount=300, **ids))
    )

    assert facts.status is PaymentStatus.PARTIALLY_REFUNDED
    assert facts.amount_refunded_minor == 799


def test_a_refund_of_the_captured_part_that_fails_leaves_the_rest() -> None:
    failed = refund(amount=300, status="failed")
    reported = evidence("charge.refunded", charge(amount_refunded=799))
    facts = in_every_order(UNPAID, PART, reported, evidence("refund.failed", failed))

    assert facts.amount_refunded_minor == 499


def test_a_sum_in_another_currency_is_not_compared() -> None:
    assert in_every_order(UNPAID, captured(amount_received=5, currency="usd")).status is (
        PaymentStatus.PAID
    )


def test_what_a_capture_leaves_stays_when_the_session_is_read_as_paid() -> None:
    facts = in_every_order(UNPAID, PART, evidence_of_session())

    assert facts.status is PaymentStatus.PARTIALLY_REFUNDED
    assert facts.amount_refunded_minor == 499


@pytest.mark.parametrize("total", [None, 1000, 1999])
def test_a_capture_of_the_whole_intent_leaves_nothing(total: int | None) -> None:
    unpaid = evidence_of_session(payment_status="unpaid", amount_total=total)

    whole = captured(amount=1500, amount_received=1500)
    assert in_every_order(unpaid, whole).amount_refunded_minor == 0


def test_a_refund_of_less_than_was_captured_in_excess_is_a_part() -> None:
    excess = captured(amount_received=2500)

    facts = in_every_order(UNPAID, excess, evidence("refund.created", refund(amount=1999)))

    assert facts.status is PaymentStatus.PARTIALLY_REFUNDED


@pytest.mark.parametrize("reason", REASONS)
def test_a_hold_that_is_given_up_has_failed(reason: str | None) -> None:
    canceled = evidence(CANCELED, payment_intent(status="canceled", cancellation_reason=reason))

    facts = in_every_order(UNPAID, canceled)

    assert facts.status is PaymentStatus.FAILED
    assert not facts.contradicted


RELEASED = charge(amount_refunded=1999, captured=False, refunded=True)
RELEASE_TOLD = [
    evidence("charge.refunded", RELEASED),
    evidence("charge.expired", RELEASED),
    evidence("refund.created", refund(amount=1999, reason="expired_uncaptured_charge")),
]


@pytest.mark.parametrize("told", RELEASE_TOLD)
def test_a_hold_that_is_released_has_refunded_nothing(told: Evidence) -> None:
    """Before API version 2025-03-31, the charge of a released hold says that it is refunded."""
    canceled = evidence(CANCELED, payment_intent(status="canceled"))

    facts = in_every_order(UNPAID, canceled, told)

    assert facts.status is PaymentStatus.FAILED
    assert facts.amount_refunded_minor == 0


def test_a_canceled_voucher_has_failed_in_any_order() -> None:
    given_up = evidence(CANCELED, payment_intent())
    failed = evidence("payment_intent.payment_failed", payment_intent())
    refused = evidence_of_session(FAILED, payment_status="unpaid")

    assert in_every_order(UNPAID, given_up, failed, refused).status is PaymentStatus.FAILED


def test_an_intent_that_is_canceled_with_its_session_lets_it_expire() -> None:
    expired = evidence_of_session(EXPIRED, payment_status="unpaid", payment_intent=None)

    assert in_every_order(expired, evidence(CANCELED, payment_intent())).status is (
        PaymentStatus.EXPIRED
    )


def test_an_intent_alone_proves_nothing_before_the_buyer_has_confirmed() -> None:
    assert fold(captured()).status is PaymentStatus.OPEN


def test_another_intent_proves_nothing_of_this_session() -> None:
    others = [captured(id="pi_other"), evidence(CANCELED, payment_intent(id="pi_another"))]

    assert in_every_order(UNPAID, *others).status is PaymentStatus.PROCESSING


def test_a_bank_that_pays_says_so_twice_and_the_first_counts() -> None:
    paid = evidence(
        SUCCEEDED,
        {"id": "cs_test_a1", "payment_intent": "pi_1", "amount_total": 1999, "currency": "eur"},
        created=NOW_S + 90,
    )

    facts = in_every_order(UNPAID, captured(amount_received=1999), paid)

    assert (facts.status, facts.first_paid_at_s) == (PaymentStatus.PAID, NOW_S + 60)


def test_money_that_came_though_the_session_has_failed_is_paid_and_contradicted() -> None:
    facts = in_every_order(UNPAID, captured(), evidence_of_session(FAILED, payment_status="unpaid"))

    assert facts.status is PaymentStatus.PAID
    assert facts.contradicted
