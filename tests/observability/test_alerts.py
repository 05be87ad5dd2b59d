from dataclasses import dataclass

import pytest
from structlog.testing import capture_logs

from app.observability.alerts import (
    AT_ONCE,
    LASTING,
    LINE_EVERY_S,
    SEND_EVERY_S,
    SHARED,
    Alerts,
)
from app.observability.metrics import Metrics
from app.usecases.ports import AlertName
from tests.support.builders import SilentAlarm

DOWN, MISMATCH = AlertName.ALTAN_PAY_DOWN, AlertName.PRICE_MISMATCH


@dataclass(slots=True)
class Seconds:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


def counted(metrics: Metrics, name: AlertName) -> float | None:
    return metrics.registry.get_sample_value("altan_checkout_alerts_total", {"name": name})


def active(metrics: Metrics, name: AlertName) -> float | None:
    return metrics.registry.get_sample_value("altan_checkout_alert_active", {"name": name})


def test_every_alert_has_its_series_before_anything_happened() -> None:
    metrics = Metrics()

    Alerts(metrics)

    assert {counted(metrics, name) for name in AlertName} == {0}


def test_an_alert_is_an_error_line_a_count_and_news_for_each_channel() -> None:
    metrics, one, other = Metrics(), SilentAlarm(), SilentAlarm()

    with capture_logs() as lines:
        Alerts(metrics, [one, other])(DOWN, "most calls fail")

    assert lines == [
        {
            "event": "alert",
            "log_level": "error",
            "alert": "altan_pay_down",
            "message": "most calls fail",
        }
    ]
    assert counted(metrics, DOWN) == 1
    assert one.told == other.told == [(DOWN, "most calls fail")]


@pytest.mark.parametrize(
    ("every_s", "passed_s", "lines_expected", "told_expected"),
    [
        (LINE_EVERY_S, LINE_EVERY_S - 0.1, 1, 1),
        (LINE_EVERY_S, LINE_EVERY_S, 2, 1),
        (SEND_EVERY_S, SEND_EVERY_S - 0.1, 2, 1),
        (SEND_EVERY_S, SEND_EVERY_S, 2, 2),
    ],
)
def test_what_repeats_is_counted_each_time_but_said_now_and_then(
    every_s: float, passed_s: float, lines_expected: int, told_expected: int
) -> None:
    metrics, channel, clock = Metrics(), SilentAlarm(), Seconds()
    alerts = Alerts(metrics, [channel], clock_s=clock)

    with capture_logs() as lines:
        for _ in range(100):
            alerts(DOWN, "again")
        clock.now_s = passed_s
        alerts(DOWN, "again")

    assert passed_s <= every_s
    assert counted(metrics, DOWN) == 101
    assert (len(lines), len(channel.told)) == (lines_expected, told_expected)


def test_one_alert_does_not_silence_another() -> None:
    channel, clock = SilentAlarm(), Seconds()
    alerts = Alerts(Metrics(), [channel], clock_s=clock)

    with capture_logs() as lines:
        alerts(DOWN, "a")
        alerts(MISMATCH, "b")

    assert channel.names == [DOWN, MISMATCH]
    assert len(lines) == 2


def test_an_alert_about_one_subject_neither_silences_nor_ends_another() -> None:
    channel, clock = SilentAlarm(), Seconds()
    alerts = Alerts(Metrics(), [channel], clock_s=clock)

    with capture_logs() as lines:
        alerts(DOWN, "the table fails", subject="table")
        alerts(DOWN, "the receiver fails")
        alerts(DOWN, "the table fails", subject="table")
    assert [words for _, words in channel.told] == ["the table fails", "the receiver fails"]
    assert len(lines) == 2

    alerts.was_over(DOWN, "the table works", subject="table")
    assert (channel.ended, alerts.is_open(DOWN)) == ([DOWN], True)
    alerts.over(DOWN, "the receiver works")
    assert (channel.ended, alerts.is_open(DOWN)) == ([DOWN, DOWN], False)


def test_the_end_of_an_alert_is_sent_once_and_only_after_the_alert() -> None:
    channel = SilentAlarm()
    alerts = Alerts(Metrics(), [channel], clock_s=Seconds())

    alerts.over(DOWN, "was never")
    alerts(DOWN, "most calls fail")
    assert alerts.is_open(DOWN)
    with capture_logs() as lines:
        alerts.over(DOWN, "calls succeed")
        alerts.over(DOWN, "calls succeed")

    assert channel.ended == [DOWN]
    assert not alerts.is_open(DOWN)
    assert [line["event"] for line in lines] == ["alert_over"]


def test_a_recurring_alert_and_its_end_are_sent_once_in_ten_minutes() -> None:
    channel, clock = SilentAlarm(), Seconds()
    alerts = Alerts(Metrics(), [channel], clock_s=clock)

    for _ in range(100):
        alerts(DOWN, "most calls fail")
        alerts.over(DOWN, "calls succeed")
    assert (channel.names, channel.ended) == ([DOWN], [DOWN])

    clock.now_s = SEND_EVERY_S
    alerts(DOWN, "most calls fail")
    alerts.over(DOWN, "calls succeed")
    assert (channel.names, channel.ended) == ([DOWN, DOWN], [DOWN, DOWN])


def test_what_another_process_raised_is_ended_all_the_same() -> None:
    channel = SilentAlarm()

    Alerts(Metrics(), [channel]).was_over(DOWN, "calls succeed")

    assert channel.ended == [DOWN]


def test_alerts_that_each_say_something_else_are_sent_up_to_a_number() -> None:
    metrics, channel, clock = Metrics(), SilentAlarm(), Seconds()
    alerts = Alerts(metrics, [channel], clock_s=clock)
    at_once = AT_ONCE[AlertName.ORDER_FLAGGED]

    for n in range(at_once + 5):
        alerts(AlertName.ORDER_FLAGGED, f"order {n}")
    clock.now_s = SEND_EVERY_S
    alerts(AlertName.ORDER_FLAGGED, "a later order")

    assert counted(metrics, AlertName.ORDER_FLAGGED) == at_once + 6
    assert [message for _, message in channel.told] == [
        *(f"order {n}" for n in range(at_once)),
        "a later order",
    ]


def test_what_was_sent_under_another_name_is_counted_and_logged_alone() -> None:
    metrics, channel = Metrics(), SilentAlarm()

    with capture_logs() as lines:
        Alerts(metrics, [channel]).note(AlertName.ORDER_FLAGGED, "an order")

    assert (counted(metrics, AlertName.ORDER_FLAGGED), len(lines)) == (1, 1)
    assert channel.told == []


@pytest.mark.parametrize("name", sorted(LASTING))
def test_a_problem_that_lasts_is_shown_until_it_is_over(name: AlertName) -> None:
    metrics = Metrics()
    alerts = Alerts(metrics)
    assert active(metrics, name) == 0

    alerts(name, "it began")
    assert active(metrics, name) == 1

    alerts.over(name, "it is over")
    assert active(metrics, name) == 0


def test_what_has_no_end_or_another_processs_end_is_not_shown_as_lasting() -> None:
    metrics = Metrics()
    alerts = Alerts(metrics)

    for name in AlertName:
        alerts(name, "it happened")

    shown = {name: active(metrics, name) for name in AlertName if name not in LASTING}
    assert {name for name, value in shown.items() if value is not None} == SHARED
    assert {shown[name] for name in SHARED} == {0}
    alerts.show(AlertName.NOTIFICATIONS_PAUSED, is_active=True)
    assert active(metrics, AlertName.NOTIFICATIONS_PAUSED) == 1
