"""What is counted of notifications, and which of them the owner is told of."""

from structlog.testing import capture_logs

from app.observability.metrics import Metrics
from app.observability.notifications import NotificationReport
from app.usecases.notification_tries import Try, TryResult
from app.usecases.outbox import Backlog, Delivery, Notification, Position
from app.usecases.ports import AlertName
from tests.support.builders import FixedClock, SilentAlarm
from tests.support.outbox import NOW_MS, new_notification

NEW = new_notification(1)
NOTIFICATION = Notification(
    id=NEW.id,
    position=Position(0, 1),
    session_id=NEW.session_id,
    order_id=NEW.order_id,
    type=NEW.type,
    cause=NEW.cause,
    at_ms=NEW.at_ms,
    invoice=None,
    delivery=Delivery.WAITING,
    attempts=10,
    due_at_ms=NOW_MS,
    leased_until_ms=None,
)


def tried(result: TryResult, status: int | None, problem: str | None = None) -> Try:
    return Try(
        notification_id=NOTIFICATION.id,
        at_ms=NOW_MS + 40,
        duration_ms=10,
        http_status=status,
        problem=problem,
        result=result,
    )


def test_tries_are_counted_by_result_and_timed_from_the_change(
    clock: FixedClock, alarm: SilentAlarm
) -> None:
    metrics = Metrics()
    report = NotificationReport(metrics, alarm, clock)

    report(NOTIFICATION, tried(TryResult.AGAIN, 500))
    report(NOTIFICATION, tried(TryResult.TAKEN, 200))

    shown = metrics.exposition().decode()
    assert 'altan_checkout_notification_tries_total{result="again"} 1.0' in shown
    assert 'altan_checkout_notification_tries_total{result="taken"} 1.0' in shown
    assert 'altan_checkout_notification_tries_total{result="failed"} 0.0' in shown
    assert "altan_checkout_notification_seconds_sum 0.05" in shown
    assert alarm.told == []


def test_one_that_is_given_up_is_told_with_the_last_answer(
    clock: FixedClock, alarm: SilentAlarm
) -> None:
    report = NotificationReport(Metrics(), alarm, clock)

    report(NOTIFICATION, tried(TryResult.FAILED, 503))
    report(NOTIFICATION, tried(TryResult.FAILED, None, "refuses connections"))

    assert alarm.names == [AlertName.NOTIFICATION_FAILED] * 2
    words = [message for _, message in alarm.told]
    assert f"{NOTIFICATION.id} (order.paid of chk_1) was not accepted in 11 attempts" in words[0]
    assert words[0].endswith("it answered 503")
    assert words[1].endswith("it refuses connections")


def test_what_waits_is_shown_with_the_age_of_the_oldest(
    clock: FixedClock, alarm: SilentAlarm
) -> None:
    metrics = Metrics()
    report = NotificationReport(metrics, alarm, clock)
    assert "altan_checkout_notifications_oldest_seconds 0.0" in metrics.exposition().decode()

    report.backlog(Backlog(waiting=3, oldest_at_ms=NOW_MS - 5_000, failed=0))

    shown = metrics.exposition().decode()
    assert "altan_checkout_notifications_waiting 3.0" in shown
    assert "altan_checkout_notifications_oldest_seconds 5.0" in shown


def test_a_defect_is_logged_with_its_trace(clock: FixedClock, alarm: SilentAlarm) -> None:
    report = NotificationReport(Metrics(), alarm, clock)

    with capture_logs() as logs:
        report.defect(NOTIFICATION.id, KeyError("amount"))

    (line,) = logs
    assert (line["event"], line["log_level"]) == ("notification_defect", "error")
    assert line["notification"] == NOTIFICATION.id
    assert isinstance(line["exc_info"], KeyError)
    assert alarm.names == []
