"""What the owner is told of a receiver: while it is wrong, and once when it is over."""

import asyncio

import pytest

from app.adapters.database.sqlite.database import SqliteDatabase
from app.domain.errors import StorageUnavailableError
from app.usecases.outbox import Backlog
from app.usecases.ports import AlertName
from app.usecases.receiver_state import PauseReason, ReceiverState
from app.usecases.watch_receiver import FAILING_MS, REPEAT_MS, WatchReceiver
from tests.support.builders import FixedClock, SilentAlarm, until
from tests.support.outbox import NOW_MS, POSTED, new_notification, notify
from tests.support.shown_alerts import ShownAlerts

FAILING = ReceiverState(failures=7, failing_since_ms=NOW_MS, last_http_status=500)


@pytest.fixture
def backlogs() -> list[Backlog]:
    return []


@pytest.fixture
def shown() -> ShownAlerts:
    return ShownAlerts()


@pytest.fixture
def watch(
    database: SqliteDatabase,
    clock: FixedClock,
    alarm: SilentAlarm,
    shown: ShownAlerts,
    backlogs: list[Backlog],
) -> WatchReceiver:
    return WatchReceiver(
        outbox=database,
        clock=clock,
        alarm=alarm,
        all_clear=alarm.over,
        show=shown,
        on_backlog=backlogs.append,
    )


async def test_a_receiver_that_fails_for_an_hour_is_told_with_its_answer(
    watch: WatchReceiver, clock: FixedClock, alarm: SilentAlarm, shown: ShownAlerts
) -> None:
    clock.ms = NOW_MS + FAILING_MS - 1
    watch.judge(FAILING)
    assert alarm.told == []

    clock.ms += 1
    watch.judge(FAILING)
    watch.judge(FAILING)

    ((name, words),) = alarm.told
    assert alarm.subjects == [""]  # that of the orders table is another
    assert name is AlertName.NOTIFICATIONS_FAILING
    assert "since 2025-10-09T08:53:20.000Z" in words
    assert "it last answered 500" in words
    assert shown.active == {AlertName.NOTIFICATIONS_FAILING}
    watch.judge(ReceiverState())
    watch.judge(ReceiverState())
    assert alarm.ended == [AlertName.NOTIFICATIONS_FAILING]
    assert shown.active == set()


async def test_what_lasts_is_told_again_because_the_first_may_not_have_been_sent(
    watch: WatchReceiver, clock: FixedClock, alarm: SilentAlarm
) -> None:
    clock.ms += FAILING_MS
    for _ in range(3):
        watch.judge(FAILING)
        clock.ms += REPEAT_MS - 1
        watch.judge(FAILING)
        clock.ms += 1

    assert len(alarm.told) == 3
    watch.judge(ReceiverState())
    assert len(alarm.ended) == 1


async def test_a_receiver_that_gives_no_answer_is_told_as_such(
    watch: WatchReceiver, clock: FixedClock, alarm: SilentAlarm
) -> None:
    clock.ms += FAILING_MS
    watch.judge(ReceiverState(failures=1, failing_since_ms=NOW_MS))

    assert "it last gave no answer" in alarm.told[0][1]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (PauseReason.GONE, "the receiver answered 410 (gone)"),
        (PauseReason.OPERATOR, "somebody paused them"),
    ],
)
async def test_a_pause_is_told_with_its_reason_and_no_failure_beside_it(
    watch: WatchReceiver, clock: FixedClock, alarm: SilentAlarm, reason: PauseReason, words: str
) -> None:
    clock.ms += FAILING_MS
    watch.judge(
        ReceiverState(paused_at_ms=NOW_MS, pause_reason=reason, failures=9, failing_since_ms=NOW_MS)
    )

    ((name, told),) = alarm.told
    assert name is AlertName.NOTIFICATIONS_PAUSED
    assert words in told
    watch.judge(ReceiverState())
    assert alarm.ended == [AlertName.NOTIFICATIONS_PAUSED]


async def test_it_looks_at_what_all_replicas_know(
    watch: WatchReceiver, database: SqliteDatabase, alarm: SilentAlarm, backlogs: list[Backlog]
) -> None:
    database.posting = POSTED
    await notify(database, new_notification(1))
    await database.pause_notifications(PauseReason.OPERATOR, at_ms=NOW_MS)

    task = asyncio.create_task(watch.run())
    await until(lambda: bool(backlogs) and bool(alarm.told))
    task.cancel()

    assert backlogs == [Backlog(waiting=1, oldest_at_ms=NOW_MS, failed=0)]


async def test_a_database_that_is_down_is_looked_at_again(
    watch: WatchReceiver, database: SqliteDatabase
) -> None:
    looks = 0

    class Down:
        async def receiver(self) -> ReceiverState:
            nonlocal looks
            looks += 1
            if looks == 1:
                raise StorageUnavailableError("The database cannot be read.")
            return await database.receiver()

        async def backlog(self) -> Backlog:
            return await database.backlog()

    watch.every_s = 0.001
    watch.outbox = Down()  # type: ignore[assignment]  # all that it asks
    task = asyncio.create_task(watch.run())
    await until(lambda: looks >= 9)
    task.cancel()
