"""The orders table follows the feed: nothing is skipped, and a table that fails is retried."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from app.domain.errors import StorageUnavailableError
from app.domain.notifications.tries import Answer
from app.usecases.keep_orders_table import GAP, LEASE_MS, POLL_S, ROWS_MAX, TABLE
from app.usecases.order_document import Document
from app.usecases.outbox import Notification, Position
from app.usecases.ports import AlertName
from app.usecases.watch_receiver import FAILING_MS
from tests.support.builders import FixedClock, SilentAlarm, until
from tests.support.notifying import shown
from tests.support.orders_table import REFUSED, TAKEN, Setting
from tests.support.outbox import new_notification, notify


@pytest.fixture
def setting(database: Any, clock: FixedClock, alarm: SilentAlarm) -> Setting:  # noqa: ANN401 as above
    return Setting(database, clock, alarm)


async def test_what_changed_before_the_first_start_is_left_out(setting: Setting) -> None:
    await notify(setting.database, new_notification(1))
    assert await setting.keep()() == POLL_S
    await notify(setting.database, new_notification(2))
    assert await setting.keep()() == POLL_S

    assert setting.table.upserts == [["chk_2"]]


async def test_what_changed_while_the_service_was_down_is_sent_once(setting: Setting) -> None:
    await setting.keep()()
    await notify(setting.database, new_notification(1), new_notification(2))
    for holder in ("two", "one", "two"):
        await setting.keep(holder)()

    assert setting.table.upserts == [["chk_1", "chk_2"]]


async def test_an_order_that_changed_twice_is_one_row(setting: Setting) -> None:
    await setting.keep()()
    same = {"order_id": "chk_1"}
    await notify(setting.database, new_notification(1, **same), new_notification(2, **same))
    await setting.keep()()

    assert setting.table.upserts == [["chk_1"]]


async def test_a_full_page_is_followed_by_the_next_at_once(setting: Setting) -> None:
    await setting.keep()()
    await notify(setting.database, *(new_notification(n) for n in range(ROWS_MAX + 1)))

    assert [await setting.keep()(), await setting.keep()()] == [0, POLL_S]
    assert [len(ids) for ids in setting.table.upserts] == [ROWS_MAX, 1]


async def test_a_table_that_fails_is_tried_again_by_whichever_replica_is_first(
    setting: Setting,
) -> None:
    await setting.keep()()
    setting.table.answer = REFUSED
    await notify(setting.database, new_notification(1))
    tried_s = []
    began_ms = setting.clock.ms
    for second in range(0, 1000, 5):
        setting.clock.ms = began_ms + second * 1000
        before = len(setting.table.upserts)
        await setting.keep(f"replica {second // 5 % 2}")()
        if len(setting.table.upserts) > before:
            tried_s.append(second)

    assert tried_s == [0, 5, 35, 335, 635, 935]
    assert (await setting.state()).problem == "answered 401"
    setting.table.answer = TAKEN
    setting.clock.ms = began_ms + 1_235_000
    await setting.keep()()
    assert setting.table.upserts[-1] == ["chk_1"]
    state = await setting.state()
    assert (state.failures, state.failing_since_ms, state.problem) == (0, None, None)


async def test_the_table_decides_how_long_it_is_left_alone(setting: Setting) -> None:
    await setting.keep()()
    setting.table.answer = Answer(status=503, retry_after_s=900)
    await notify(setting.database, new_notification(1))
    await setting.keep()()

    assert (await setting.state()).until_ms == setting.clock.ms + 900_000


async def test_a_table_that_fails_for_an_hour_is_told_until_it_recovers(setting: Setting) -> None:
    await setting.keep()()
    setting.table.answer = Answer(status=None, problem="refuses connections")
    await notify(setting.database, new_notification(1))
    began_ms = setting.clock.ms
    for at_ms in (0, FAILING_MS - 1):
        setting.clock.ms = began_ms + at_ms
        await setting.keep()()
    assert setting.alarm.told == []

    setting.clock.ms = began_ms + FAILING_MS + 60_000
    await setting.keep()()
    ((name, words),) = setting.alarm.told
    assert name is AlertName.NOTIFICATIONS_FAILING
    assert words == (
        "the orders table has taken nothing since 2025-10-09T08:53:20.000Z; "
        "it last refuses connections"
    )

    setting.table.answer = TAKEN
    setting.clock.ms += 600_000
    await setting.keep("another")()
    assert setting.alarm.ended == [AlertName.NOTIFICATIONS_FAILING]
    assert setting.alarm.subjects == [TABLE, TABLE]


async def test_changes_that_are_no_longer_kept_are_told_not_skipped_in_silence(
    setting: Setting,
) -> None:
    await notify(setting.database, new_notification(1))
    beyond = (await setting.database.feed_tip()).position
    await setting.database.begin_table(Position(beyond.tx + 9, 9))  # as if a dump was restored
    await setting.keep()()

    assert setting.table.upserts == [["chk_1"]]
    ((name, words),) = setting.alarm.told
    assert name is AlertName.NOTIFICATIONS_FAILING
    assert "altan-checkout orders-table --fill" in words
    assert setting.alarm.subjects == [GAP]
    assert (await setting.state()).position == beyond


async def test_one_process_sends_at_a_time_and_the_lease_of_a_dead_one_ends(
    setting: Setting,
) -> None:
    await setting.keep()()
    await notify(setting.database, new_notification(1))
    position, now_ms = (await setting.state()).position, setting.clock.ms
    lead = {"now_ms": now_ms, "until_ms": now_ms + LEASE_MS}
    assert await setting.database.lead_table("dead", position, **lead)
    assert not await setting.database.lead_table("late", position, **lead)

    await setting.keep()()
    assert setting.table.upserts == []
    setting.clock.ms += LEASE_MS
    await setting.keep()()
    assert setting.table.upserts == [["chk_1"]]
    assert not await setting.database.lead_table("behind", position, **lead)


async def test_a_replica_that_is_late_to_lead_sends_nothing(setting: Setting) -> None:
    await setting.keep()()
    await notify(setting.database, new_notification(1))
    page_of = setting.database.table_page

    class Overtaken:
        """Another replica leads between the reading of the page and the taking of the lead."""

        def __getattr__(self, name: str) -> object:
            return getattr(setting.database, name)

        async def table_page(self, after: Position | None, *, limit: int) -> object:
            page = await page_of(after, limit=limit)
            await setting.keep("faster")()
            return page

    await setting.keep(store=Overtaken())()

    assert setting.table.upserts == [["chk_1"]]


async def test_notifications_without_an_order_are_passed(setting: Setting) -> None:
    async def none(_: Sequence[Notification]) -> Mapping[str, Document]:
        return {}

    await setting.keep()()
    await notify(setting.database, new_notification(1))
    await setting.keep(render=none)()

    assert setting.table.upserts == []
    assert (await setting.state()).position == (await setting.database.feed_tip()).position


async def test_it_runs_on_after_the_database_failed_and_hears_of_commits(setting: Setting) -> None:
    fails = [False, True]  # the last one is first

    async def unsteady(notifications: Sequence[Notification]) -> Mapping[str, Document]:
        if fails.pop():
            raise StorageUnavailableError("gone")
        return await shown(notifications)

    keep = setting.keep(render=unsteady)
    await keep()
    task = asyncio.create_task(keep.run())
    await notify(setting.database, new_notification(1))
    keep.wake()
    await until(lambda: len(fails) == 1)
    setting.clock.ms += LEASE_MS
    keep.wake()
    await until(lambda: setting.table.upserts == [["chk_1"]])
    task.cancel()
    await asyncio.wait([task])

    assert (await setting.state()).until_ms == 0


async def test_the_next_start_need_not_wait_for_the_lease_of_one_that_was_stopped(
    setting: Setting,
) -> None:
    asked = asyncio.Event()

    async def hangs(_: Sequence[Notification]) -> Mapping[str, Document]:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    keep = setting.keep(render=hangs)
    await keep()
    await notify(setting.database, new_notification(1))
    task = asyncio.create_task(keep.run())
    await asked.wait()
    task.cancel()
    await asyncio.wait([task])
    await setting.keep("next")()

    assert setting.table.upserts == [["chk_1"]]
