import time

import pytest
from structlog.testing import capture_logs

from app.observability.metrics import Metrics
from app.observability.webhooks import LINE_EVERY_S, WebhookReport
from tests.support.builders import SilentAlarm


def counted(metrics: Metrics, outcome: str) -> float | None:
    return metrics.registry.get_sample_value("altan_checkout_webhooks_total", {"outcome": outcome})


@pytest.mark.parametrize("outcome", ["recorded", "duplicate", "other_account", "other_mode"])
def test_an_ordinary_webhook_is_counted_and_not_logged(outcome: str) -> None:
    metrics = Metrics()

    with capture_logs() as lines:
        WebhookReport(metrics, SilentAlarm())(outcome)

    assert counted(metrics, outcome) == 1
    assert lines == []


def test_a_flood_of_forged_webhooks_is_counted_whole_and_logged_once() -> None:
    metrics = Metrics()
    report = WebhookReport(metrics, SilentAlarm())

    with capture_logs() as lines:
        for _ in range(1000):
            report("signature_invalid")

    assert counted(metrics, "signature_invalid") == 1000
    assert len(lines) == 1
    assert lines[0]["outcome"] == "signature_invalid"
    assert lines[0]["log_level"] == "warning"


def test_the_next_line_has_the_number_of_those_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    report = WebhookReport(Metrics(), SilentAlarm())

    with capture_logs() as lines:
        for _ in range(5):
            report("signature_invalid")
        now_s += LINE_EVERY_S
        report("storage_unavailable")

    assert [line["more_since_last_line"] for line in lines] == [0, 4]
    assert lines[1]["outcome"] == "storage_unavailable"
