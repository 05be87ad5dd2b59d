"""What a check of Stripe could not read is counted and logged, with ids and reasons."""

from pathlib import Path

from structlog.testing import capture_logs

from app.observability.metrics import Metrics
from app.observability.reconciliation import UnreadReport
from app.usecases.take_read_events import REASONS_MAX, Findings
from tests.support.builders import service_in_process, settings
from tests.support.stripe_api_calls import KEY

UNTIL = "altan_checkout_reconciled_until_timestamp_seconds"


def test_all_are_counted_and_the_first_are_logged() -> None:
    metrics, findings = Metrics(), Findings()
    for number in range(REASONS_MAX + 1):
        findings.fail(f"refund re_{number}: Stripe answered 400 to /v1/refunds/re_{number}")

    with capture_logs() as lines:
        UnreadReport(metrics)(findings)

    assert metrics.registry.get_sample_value("altan_checkout_unread_at_stripe_total") == 21
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("not_read_at_stripe", "warning")
    assert (line["failed"], len(line["reasons"])) == (REASONS_MAX + 1, REASONS_MAX)
    assert "re_0" in line["reasons"][0]


async def test_a_service_without_a_key_says_nothing_of_agreement(tmp_path: Path) -> None:
    off = {"reconcile_every_s": "off"}
    shown = []
    for changes in ({}, {"stripe_api_key": KEY} | off, {"stripe_api_key": KEY}):
        async with service_in_process(settings(tmp_path, **changes)) as service:
            shown.append(UNTIL in (await service.client.get("/metrics")).text)

    assert shown == [False, False, True]
