"""A defect of ours: it fails alone, is logged, and is not the receiver's fault."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from app.domain.errors import RowsRefusedError
from app.usecases.notification_tries import PROBLEM_LENGTH_MAX, SettledTry
from app.usecases.order_document import Document
from app.usecases.outbox import Delivery, Notification
from app.usecases.receiver_state import FAILURES_MAX, ReceiverState
from app.usecases.send_notifications import SendNotifications
from app.usecases.sending_pace import AT_ONCE
from tests.support.builders import FixedClock, until
from tests.support.notifying import Heard, PlayedReceiver, sending, shown
from tests.support.outbox import NOW_MS, new_notification, notify
from tests.support.settled import found, id_of, until_settled, until_taken

AnyDatabase = SqliteDatabase | PostgresDatabase


async def test_an_order_that_cannot_be_shown_fails_alone(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    async def trips_over_the_second(each: Sequence[Notification]) -> Mapping[str, Document]:
        if id_of(2) in {notification.id for notification in each}:
            raise KeyError("defect")
        return await shown(each)

    heard = Heard()
    await notify(outbox, *(new_notification(number) for number in range(1, 4)))

    async with sending(outbox, receiver, clock, render=trips_over_the_second, report=heard):
        await until_settled(outbox, 2)
        await until_settled(outbox, 3)

    assert sorted(receiver.posted) == [id_of(1), id_of(3)]
    (_, (tried,)) = await found(outbox, 2)
    assert tried.problem == "was not asked: the order cannot be read"
    assert heard.defects == [(id_of(2), "KeyError")]


async def test_a_defect_of_ours_ends_no_sending(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    receiver.defect = RuntimeError("defect")
    await notify(outbox, new_notification(1))

    async with sending(outbox, receiver, clock):
        waiting = await until_settled(outbox, 1)

    (_, (tried,)) = await found(outbox, 1)
    assert tried.problem == "was not reached: RuntimeError: defect"
    assert waiting.due_at_ms == NOW_MS + 5_000


async def test_an_order_that_is_missing_is_a_defect_too(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    async def leaves_out(_: Sequence[Notification]) -> Mapping[str, Document]:
        return {}

    heard = Heard()
    await notify(outbox, new_notification(1))

    async with sending(outbox, receiver, clock, render=leaves_out, report=heard):
        waiting = await until_settled(outbox, 1)

    assert waiting.due_at_ms == NOW_MS + 5_000
    assert heard.defects == [(id_of(1), "OrderMissingError")]


async def test_defects_say_nothing_about_the_receiver(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    receiver.defect = RuntimeError("defect")
    count = 2 * FAILURES_MAX
    await notify(outbox, *(new_notification(number) for number in range(1, count + 1)))

    async with sending(outbox, receiver, clock) as sender:
        for number in range(1, count + 1):
            await until_settled(outbox, number)
        assert await outbox.receiver() == ReceiverState()
        receiver.defect = None
        receiver.is_open.clear()
        more = range(count + 1, count + 1 + AT_ONCE)
        await notify(outbox, *(new_notification(number) for number in more))
        sender.wake()
        await until(lambda: receiver.at_once == AT_ONCE)
        receiver.is_open.set()


async def test_a_long_problem_is_cut_to_what_is_stored(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    receiver.defect = RuntimeError("x" * 2 * PROBLEM_LENGTH_MAX)
    await notify(outbox, new_notification(1))

    async with sending(outbox, receiver, clock):
        await until_settled(outbox, 1)

    (_, (tried,)) = await found(outbox, 1)
    assert len(tried.problem or "") == PROBLEM_LENGTH_MAX


async def test_a_result_that_the_database_refuses_blocks_no_other(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    class Refusing:
        """An outbox whose database refuses one row."""

        def __getattr__(self, name: str) -> object:
            return getattr(outbox, name)

        async def settle_tries(self, settled: Collection[SettledTry]) -> None:
            if id_of(2) in {each.tried.notification_id for each in settled}:
                raise RowsRefusedError("The database refused a row.")
            await outbox.settle_tries(settled)

    heard = Heard()
    await notify(outbox, *(new_notification(number) for number in range(1, 4)))

    async with sending(Refusing(), receiver, clock, report=heard) as sender:  # type: ignore[arg-type]  # it passes all on
        await until_taken(outbox, 1)
        await until_taken(outbox, 3)
        await notify(outbox, new_notification(4))
        sender.wake()
        await until_taken(outbox, 4)
        await until(lambda: heard.defects == [(id_of(2), "RowsRefusedError")])

    (refused, _) = await found(outbox, 2)
    assert refused.delivery is Delivery.WAITING  # it is sent again when its lease has ended


class FailsOnce:
    """An outbox with a defect that shows once."""

    def __init__(self, outbox: AnyDatabase) -> None:
        self._outbox = outbox
        self._has_failed = False

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 whatever the outbox has
        return getattr(self._outbox, name)

    async def next_due_ms(self) -> int | None:
        if not self._has_failed:
            self._has_failed = True
            raise RuntimeError("defect")
        return await self._outbox.next_due_ms()


async def test_a_sender_that_failed_sends_when_it_is_run_again(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    await notify(outbox, new_notification(1))
    sender = SendNotifications(
        outbox=FailsOnce(outbox), receiver=receiver, clock=clock, render=shown, report=Heard()
    )
    with pytest.raises(RuntimeError, match="defect"):
        await sender.run()

    again = asyncio.create_task(sender.run())
    await until_taken(outbox, 1)
    again.cancel()

    assert receiver.posted == [id_of(1)]
