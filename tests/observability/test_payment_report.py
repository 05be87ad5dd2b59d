from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.domain.checkout.cart import Mode
from app.domain.fold.records import Payment
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.refunds import Charge
from app.domain.payments.session_details import SessionDetails
from app.domain.payments.status import PaymentStatus
from app.observability.metrics import Metrics
from app.observability.payments import CURRENCIES_MAX, PaymentReport
from tests.support.builders import CHECKOUT_ID, NOW_S, SESSION_ID
from tests.support.stores import CHECKOUT

PAID = PaymentFacts(
    paid=True,
    paid_at_s=NOW_S + 90,
    mode=Mode.PAYMENT,
    amount_total_minor=500,
    currency="eur",
    checkout_id=CHECKOUT_ID,
    details=SessionDetails(created_s=NOW_S),
)


def refunded(minor: int, currency: str = "eur") -> PaymentFacts:
    return PaymentFacts(
        paid=True, currency=currency, charges={"ch_1": Charge(refunded_minor=minor)}
    )


def changed(after: PaymentFacts, before: PaymentFacts | None = None) -> Payment:
    return Payment(session_id=SESSION_ID, facts=after, updated_at_ms=0, before=before)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def report(metrics: Metrics) -> PaymentReport:
    return PaymentReport(metrics)


@pytest.fixture
def lines() -> Iterator[list[MutableMapping[str, Any]]]:
    with capture_logs() as lines:
        yield lines


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"altan_checkout_{name}", labels)


def test_a_status_that_changes_is_one_line_and_one_count(
    metrics: Metrics, report: PaymentReport, lines: list[MutableMapping[str, Any]]
) -> None:
    report.changed([changed(PAID)])

    assert lines == [
        {
            "event": "payment_status",
            "log_level": "info",
            "session_id": SESSION_ID,
            "checkout_id": CHECKOUT_ID,
            "before": "open",
            "after": "paid",
        }
    ]
    assert value(metrics, "payments_total", status="paid") == 1
    assert value(metrics, "paid_seconds_sum") == 90


@pytest.mark.parametrize("before", [None, PaymentFacts(), PAID])
def test_a_change_that_keeps_the_status_is_none(
    metrics: Metrics,
    report: PaymentReport,
    lines: list[MutableMapping[str, Any]],
    before: PaymentFacts | None,
) -> None:
    report.changed(
        [changed(PaymentFacts(mode=Mode.PAYMENT) if before is not PAID else PAID, before)]
    )

    assert lines == []
    assert value(metrics, "payments_total", status="paid") == 0
    assert value(metrics, "paid_seconds_count") == 0


def test_every_status_has_its_series_before_anything_happened(metrics: Metrics) -> None:
    PaymentReport(metrics)

    assert {value(metrics, "payments_total", status=each) for each in PaymentStatus} == {0}


@pytest.mark.parametrize(
    "facts",
    [
        PaymentFacts(paid=True, paid_at_s=NOW_S),
        PaymentFacts(paid=True, details=SessionDetails(created_s=NOW_S)),
        PaymentFacts(paid=True, paid_at_s=NOW_S - 1, details=SessionDetails(created_s=NOW_S)),
    ],
)
def test_no_time_is_made_up(metrics: Metrics, report: PaymentReport, facts: PaymentFacts) -> None:
    report.changed([changed(facts)])

    assert value(metrics, "paid_seconds_count") == 0


def test_refunds_are_added_up_by_currency_and_never_subtracted(
    metrics: Metrics, report: PaymentReport
) -> None:
    report.changed([changed(refunded(5), PAID), changed(refunded(300, "jpy"), PAID)])
    report.changed([changed(refunded(12), refunded(5))])
    report.changed([changed(refunded(0), refunded(12))])

    assert value(metrics, "refunded_minor_total", currency="eur") == 12
    assert value(metrics, "refunded_minor_total", currency="jpy") == 300


def test_the_number_of_currencies_is_bounded(metrics: Metrics, report: PaymentReport) -> None:
    report.changed([changed(refunded(1, f"c{n}")) for n in range(CURRENCIES_MAX + 10)])
    report.changed([changed(refunded(1, "c0"))])

    assert value(metrics, "refunded_minor_total", currency="other") == 10
    assert value(metrics, "refunded_minor_total", currency="c0") == 2


def test_a_refund_in_no_known_currency_is_not_counted(
    metrics: Metrics, report: PaymentReport
) -> None:
    facts = PaymentFacts(paid=True, charges={"ch_1": Charge(refunded_minor=5)})

    report.changed([changed(facts)])

    assert "refunded_minor_total{" not in metrics.exposition().decode()


def test_checkouts_that_are_started_are_counted_by_their_mode(
    metrics: Metrics, report: PaymentReport
) -> None:
    report.started(CHECKOUT)

    assert value(metrics, "checkouts_started_total", mode="subscription") == 1
