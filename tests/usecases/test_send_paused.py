"""What a sender that has leased much ahead does when somebody else stops the sending."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from app.usecases.receiver_state import PauseReason
from app.usecases.send_notifications import PROBE_EVERY_MS
from app.usecases.sending_pace import AT_ONCE
from tests.support.builders import DEADLINE_S, FixedClock, until
from tests.support.notifying import REFUSED, TAKEN, PlayedReceiver, sending
from tests.support.outbox import failed, lease, new_notification, notify
from tests.support.settled import found, until_taken

AnyDatabase = SqliteDatabase | PostgresDatabase
Stop = Callable[[AnyDatabase, FixedClock], Awaitable[None]]


async def somebody_pauses(outbox: AnyDatabase, clock: FixedClock) -> None:
    await outbox.pause_notifications(PauseReason.OPERATOR, at_ms=clock.ms)


async def another_replica_hears_410(outbox: AnyDatabase, clock: FixedClock) -> None:
    await outbox.pause_notifications(PauseReason.GONE, at_ms=clock.ms)


async def another_replica_fails(outbox: AnyDatabase, clock: FixedClock) -> None:
    await notify(outbox, *(new_notification(number) for number in range(101, 106)))
    leased = await lease(outbox, clock.ms, limit=5)
    await outbox.settle_tries([failed(each, clock.ms) for each in leased])


async def until_given_back(outbox: AnyDatabase, count: int) -> None:
    """Wait until nobody has these but those that are under way."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            known = [(await found(outbox, number))[0] for number in range(1, count + 1)]
            if sum(each.leased_until_ms is not None for each in known) == AT_ONCE:
                return
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    "stop", [somebody_pauses, another_replica_hears_410, another_replica_fails]
)
async def test_what_is_leased_and_has_not_begun_is_given_back(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock, stop: Stop
) -> None:
    receiver.is_open.clear()
    await notify(outbox, *(new_notification(number) for number in range(1, 31)))

    async with sending(outbox, receiver, clock):
        await until(lambda: receiver.at_once == AT_ONCE)
        await stop(outbox, clock)
        await until_given_back(outbox, 30)
        assert len(receiver.posted) == AT_ONCE
        receiver.is_open.set()
        await outbox.resume_notifications(at_ms=clock.ms)
        for number in range(1, 31):
            await until_taken(outbox, number)

    assert len(receiver.posted) == len(set(receiver.posted))


async def test_after_an_outage_it_begins_with_few_at_once(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    receiver.answer = REFUSED
    await notify(outbox, *(new_notification(number) for number in range(1, 41)))

    async with sending(outbox, receiver, clock) as sender:
        await until(lambda: len(receiver.posted) > 0 and receiver.at_once == 0)
        receiver.answer = TAKEN
        receiver.is_open.clear()
        for at_once in (1, 2, 8, AT_ONCE):
            clock.ms += PROBE_EVERY_MS
            sender.wake()
            await until(lambda: receiver.at_once == at_once)  # noqa: B023 it is awaited here
            await asyncio.sleep(0.05)
            assert receiver.at_once == at_once
            receiver.is_open.set()
            receiver.is_open.clear()  # those who wait go, and nobody else
        receiver.is_open.set()
        for number in range(1, 41):
            await until_taken(outbox, number)
