"""A row that the orders table refuses is set aside and tried again; all others go on."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest

from app.domain.errors import StorageUnavailableError
from app.domain.notifications.tries import Answer
from app.usecases.keep_orders_table import (
    LEASE_MS,
    ONE_BY_ONE_MAX,
    POLL_S,
    RETRY_REFUSED_MS,
    ROWS,
)
from app.usecases.outbox import Notification
from app.usecases.ports import AlertName
from tests.support.builders import Document, FixedClock, SilentAlarm
from tests.support.orders_table import (
    REFUSED,
    TAKEN,
    Setting,
    SlowTable,
    shown_orders,
    shown_with_sessions,
)
from tests.support.outbox import new_notification, notify

CONFLICT = Answer(status=409)


@pytest.fixture
async def setting(database: Any, clock: FixedClock, alarm: SilentAlarm) -> Setting:  # noqa: ANN401 either database
    setting = Setting(database, clock, alarm)
    await setting.keep()()
    return setting


async def tell(setting: Setting, *numbers: int, tries: int = 0) -> None:
    await notify(
        setting.database,
        *(
            new_notification(n + tries, session_id=f"cs_{n}", order_id=f"chk_{n}", cause=str(tries))
            for n in numbers
        ),
    )


async def keep(setting: Setting) -> float:
    return await setting.keep(render=shown_with_sessions)()


async def refused_ids(setting: Setting) -> list[str]:
    far_ms = setting.clock.ms * 2
    found = await setting.database.refused_orders(now_ms=far_ms, limit=100)
    return [each.order_id for each in found]


async def test_one_refused_row_is_set_aside_and_told_and_the_others_are_written(
    setting: Setting,
) -> None:
    setting.table.answers["chk_2"] = CONFLICT
    await tell(setting, 1, 2, 3)
    assert await keep(setting) == POLL_S
    assert setting.table.upserts[1:] == [["chk_1"], ["chk_2"], ["chk_3"]]
    assert await refused_ids(setting) == ["chk_2"]
    ((name, words),) = setting.alarm.told
    assert name is AlertName.NOTIFICATIONS_FAILING
    assert words.startswith("the orders table answered 409 to the row of chk_2; 1 set aside")
    assert setting.counted.results == {"refused": 4, "taken": 2}

    await tell(setting, 4)
    await keep(setting)
    assert setting.table.upserts[-1] == ["chk_4"]
    assert (setting.counted.refused, (await setting.state()).failures) == (1, 0)


async def test_a_lone_refused_row_is_set_aside_too(setting: Setting) -> None:
    setting.table.answers["chk_1"] = Answer(status=400)
    await tell(setting, 1)
    await keep(setting)
    await tell(setting, 2)
    await keep(setting)

    assert setting.table.upserts[-1] == ["chk_2"]
    assert await refused_ids(setting) == ["chk_1"]


async def test_rows_that_are_refused_together_and_taken_singly_are_not_set_aside(
    setting: Setting,
) -> None:
    setting.table.next_answers = [CONFLICT]
    await tell(setting, 1, 2)

    assert await keep(setting) == POLL_S
    assert setting.table.upserts[-3:] == [["chk_1", "chk_2"], ["chk_1"], ["chk_2"]]
    assert (await refused_ids(setting), setting.alarm.told) == ([], [])


async def test_a_table_that_lacks_columns_is_waited_for_and_nothing_is_set_aside(
    setting: Setting,
) -> None:
    setting.table.answer, setting.table.is_fit = Answer(status=400), False
    await tell(setting, 1)
    await keep(setting)

    assert await refused_ids(setting) == []
    assert (await setting.state()).problem == "answered 400"


async def test_a_refused_row_is_tried_again_until_it_is_taken(setting: Setting) -> None:
    setting.table.answers["chk_1"] = CONFLICT
    await tell(setting, 1, 2)
    await keep(setting)
    setting.clock.ms += RETRY_REFUSED_MS - 1
    count = len(setting.table.upserts)
    await keep(setting)
    assert len(setting.table.upserts) == count

    setting.clock.ms += 1
    await keep(setting)
    assert setting.table.upserts[count:] == [["chk_1"]]
    assert (await refused_ids(setting), setting.alarm.ended) == (["chk_1"], [])
    assert len(setting.alarm.told) == 1

    setting.table.answers.clear()
    setting.clock.ms += RETRY_REFUSED_MS
    await keep(setting)
    assert await refused_ids(setting) == []
    assert setting.alarm.ended == [AlertName.NOTIFICATIONS_FAILING]
    assert setting.alarm.subjects == [ROWS, ROWS]


async def test_a_refused_order_that_changes_and_is_taken_is_set_aside_no_longer(
    setting: Setting,
) -> None:
    setting.table.answers["chk_1"] = CONFLICT
    await tell(setting, 1)
    await keep(setting)
    setting.table.answers.clear()
    await tell(setting, 1, tries=50)
    await keep(setting)

    assert await refused_ids(setting) == []
    assert setting.alarm.ended == [AlertName.NOTIFICATIONS_FAILING]


async def test_many_are_sent_one_by_one_in_small_turns(setting: Setting) -> None:
    setting.table.answers["chk_1"] = CONFLICT
    await tell(setting, *range(1, ONE_BY_ONE_MAX + 3))

    assert await keep(setting) == 0
    assert len(setting.table.upserts) == 1 + ONE_BY_ONE_MAX
    assert await keep(setting) == POLL_S
    assert setting.table.upserts[-1] == [f"chk_{n}" for n in (11, 12)]


async def test_a_table_that_fails_in_between_is_retried_with_the_same_page(
    setting: Setting,
) -> None:
    setting.table.answers |= {"chk_1": CONFLICT, "chk_2": REFUSED}
    await tell(setting, 1, 2, 3)
    before = await setting.state()
    await keep(setting)
    state = await setting.state()

    assert (state.position, state.problem) == (before.position, "answered 401")
    assert ["chk_3"] not in setting.table.upserts
    setting.table.answers.pop("chk_2")
    setting.clock.ms = state.until_ms
    await keep(setting)
    assert setting.table.upserts[-1] == ["chk_3"]


async def test_an_order_that_cannot_be_read_is_set_aside_and_told_and_the_others_are_written(
    setting: Setting,
) -> None:
    async def unreadable(notifications: Sequence[Notification]) -> Mapping[str, Document]:
        assert all(each.order_id != "chk_2" for each in notifications)
        return await shown_with_sessions(notifications)

    await tell(setting, 1, 2, 3)
    assert await setting.keep(render=unreadable)() == POLL_S

    assert setting.table.upserts == [["chk_1", "chk_3"]]
    assert await refused_ids(setting) == ["chk_2"]
    ((name, words),) = setting.alarm.told
    assert name is AlertName.NOTIFICATIONS_FAILING
    assert words.startswith("the order chk_2 cannot be read, so the orders table does not have it")


@pytest.mark.parametrize("is_readable", [False, True])
async def test_an_order_that_could_not_be_read_is_tried_again_until_it_can(
    setting: Setting, *, is_readable: bool
) -> None:
    async def unreadable(_: object) -> Mapping[str, Document]:
        raise KeyError("id")

    async def read_again(ids: Collection[str]) -> Mapping[str, Document]:
        assert is_readable or "cs_1" not in ids
        return await shown_orders(ids)

    setting.table.answers["chk_2"] = CONFLICT
    await tell(setting, 1)
    await setting.keep(render=unreadable)()
    await tell(setting, 2)
    await keep(setting)
    setting.table.answers.clear()
    setting.clock.ms += RETRY_REFUSED_MS
    await setting.keep(orders_of=read_again)()

    assert await refused_ids(setting) == ([] if is_readable else ["chk_1"])
    assert ["chk_2"] in setting.table.upserts[-2:]


async def test_while_the_database_cannot_be_read_nothing_is_set_aside(setting: Setting) -> None:
    async def fails(_: object) -> Mapping[str, Document]:
        raise StorageUnavailableError("gone")

    await tell(setting, 1)
    with pytest.raises(StorageUnavailableError):
        await setting.keep(render=fails)()
    assert await refused_ids(setting) == []

    setting.table.answers["chk_1"] = CONFLICT
    setting.clock.ms += LEASE_MS
    await keep(setting)
    setting.clock.ms += RETRY_REFUSED_MS
    with pytest.raises(StorageUnavailableError):
        await setting.keep(orders_of=fails)()
    assert await refused_ids(setting) == ["chk_1"]


async def test_a_table_that_fails_at_an_order_that_was_set_aside_is_left_alone(
    setting: Setting,
) -> None:
    setting.table.answers |= {"chk_1": CONFLICT, "chk_2": CONFLICT}
    await tell(setting, 1, 2)
    await keep(setting)
    setting.clock.ms += RETRY_REFUSED_MS
    setting.table.answers["chk_1"] = REFUSED
    await tell(setting, 3)
    count = len(setting.table.upserts)
    await keep(setting)

    assert setting.table.upserts[count:] == [["chk_1"]]
    state = await setting.state()
    assert (state.failures, state.problem) == (1, "answered 401")
    assert await refused_ids(setting) == ["chk_1", "chk_2"]

    setting.clock.ms = state.until_ms
    await keep(setting)
    assert setting.table.upserts[count + 1 :] == [["chk_3"]]  # those that are set aside come later


async def test_no_other_process_sends_while_many_rows_are_sent_one_by_one(
    setting: Setting,
) -> None:
    setting.table = SlowTable(setting=setting)
    setting.table.answers["chk_1"] = CONFLICT
    await tell(setting, *range(1, ONE_BY_ONE_MAX + 1))

    await keep(setting)

    assert len(setting.table.upserts) == 1 + ONE_BY_ONE_MAX  # each once, by one process


async def test_a_process_that_lost_the_lead_sends_no_more(setting: Setting) -> None:
    setting.table = SlowTable(setting=setting, takes_ms=LEASE_MS)
    await tell(setting, 1, 2)
    setting.table.next_answers = [CONFLICT]

    assert await keep(setting) == POLL_S

    assert setting.table.upserts == [["chk_1", "chk_2"]] * 2  # the second one by the other process
    assert (await setting.state()).failures == 0


async def test_a_refused_order_that_is_gone_is_forgotten(setting: Setting) -> None:
    async def none(_: object) -> dict[str, Document]:
        return {}

    setting.table.answers["chk_1"] = CONFLICT
    await tell(setting, 1)
    await keep(setting)
    setting.clock.ms += RETRY_REFUSED_MS
    setting.table.answer = TAKEN
    await setting.keep(orders_of=none)()

    assert await refused_ids(setting) == []
