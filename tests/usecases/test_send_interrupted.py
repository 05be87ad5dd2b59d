"""What a sender that stops, dies or fails leaves, and how it is sent later."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from app.domain.errors import StorageUnavailableError
from app.usecases.order_document import Document
from app.usecases.outbox import Delivery, Notification
from app.usecases.send_notifications import LEASE_MS, PROBE_EVERY_MS, TRY_MS
from app.usecases.sending_pace import AT_ONCE
from tests.support.builders import DEADLINE_S, FixedClock, until
from tests.support.notifying import (
    Heard,
    PlayedReceiver,
    sending,
    shown,
)
from tests.support.outbox import lease, new_notification, notify
from tests.support.settled import found, id_of, until_settled

AnyDatabase = SqliteDatabase | PostgresDatabase


async def test_at_the_end_a_try_under_way_may_end(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    receiver.is_open.clear()
    await notify(outbox, new_notification(1))

    async with sending(outbox, receiver, clock, grace_s=30):
        await until(lambda: receiver.at_once == 1)
        asyncio.get_running_loop().call_later(0.05, receiver.is_open.set)

    notification, _ = await found(outbox, 1)
    assert notification.delivery is Delivery.TAKEN


async def test_what_the_end_cuts_off_is_no_try_and_is_due_at_once(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    receiver.is_open.clear()
    await notify(outbox, *(new_notification(number) for number in range(1, 21)))

    async with sending(outbox, receiver, clock, grace_s=0.05) as sender:
        await until(lambda: receiver.at_once == AT_ONCE)
        sender.stop()

    for number in range(1, 21):
        notification, tries = await found(outbox, number)
        assert (notification.attempts, notification.leased_until_ms, tries) == (0, None, [])
    assert len(await lease(outbox, clock.ms, limit=100)) == 20


async def test_after_stop_it_starts_nothing(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    async with sending(outbox, receiver, clock) as sender:
        sender.stop()
        await notify(outbox, new_notification(1))
        sender.wake()
        await asyncio.sleep(0.1)

    assert receiver.posted == []
    assert len(await lease(outbox, clock.ms)) == 1


async def test_what_a_dead_sender_had_is_sent_once_its_lease_is_over(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    await notify(outbox, new_notification(1))
    await outbox.lease_notifications(
        now_ms=clock.ms, limit=1, lease_ms=LEASE_MS, probe_every_ms=PROBE_EVERY_MS
    )

    async with sending(outbox, receiver, clock) as sender:
        clock.ms += LEASE_MS - 1
        sender.wake()
        await asyncio.sleep(0.05)
        assert receiver.posted == []
        clock.ms += 1
        sender.wake()
        await until(lambda: receiver.posted == [id_of(1)])

    assert LEASE_MS < 30_000


async def test_a_lease_that_is_too_old_for_a_try_is_given_back(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    heard = Heard()
    receiver.is_open.clear()
    await notify(outbox, *(new_notification(number) for number in range(1, 12)))

    async with sending(outbox, receiver, clock, report=heard):
        await until(lambda: receiver.at_once == AT_ONCE)
        clock.ms += LEASE_MS - TRY_MS + 1
        receiver.is_open.set()
        await until(lambda: len(heard.tries) == 11)

    assert len(set(receiver.posted)) == 11
    for notification, tried in heard.tries:
        assert (notification.leased_until_ms or 0) - tried.at_ms >= TRY_MS


@dataclass(slots=True)
class Stumbling:
    """An outbox whose database fails at first, at each of these."""

    outbox: AnyDatabase
    failing: set[str]

    def __getattr__(self, name: str) -> object:
        if name in self.failing:
            self.failing.remove(name)

            async def fails(*_: object, **__: object) -> None:
                raise StorageUnavailableError("The database cannot be written to.")

            return fails
        return getattr(self.outbox, name)


@pytest.mark.parametrize(
    "failing", ["next_due_ms", "lease_notifications", "settle_tries", "release_notifications"]
)
async def test_what_the_database_could_not_take_it_takes_later(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock, failing: str
) -> None:
    await notify(outbox, new_notification(1))

    async with sending(Stumbling(outbox, {failing}), receiver, clock):  # type: ignore[arg-type]  # it passes all on
        notification = await until_settled(outbox, 1)

    assert notification.delivery is Delivery.TAKEN
    assert receiver.posted == [id_of(1)]


async def test_what_could_not_be_read_is_given_back(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    failures = [StorageUnavailableError("The database cannot be read.")]

    async def reads_at_the_second_time(each: Sequence[Notification]) -> Mapping[str, Document]:
        if failures:
            raise failures.pop()
        return await shown(each)

    await notify(outbox, new_notification(1))

    async with sending(outbox, receiver, clock, render=reads_at_the_second_time):
        await until(lambda: receiver.posted == [id_of(1)])


async def test_at_the_end_a_database_that_is_down_is_no_trouble(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    receiver.is_open.clear()
    stumbling = Stumbling(outbox, set())
    await notify(outbox, new_notification(1))

    async with sending(stumbling, receiver, clock, grace_s=0.01):  # type: ignore[arg-type]  # it passes all on
        await until(lambda: receiver.at_once == 1)
        stumbling.failing.add("release_notifications")

    assert await lease(outbox, clock.ms) == []
    assert len(await lease(outbox, clock.ms + LEASE_MS)) == 1


async def test_the_grace_begins_when_the_process_is_told_to_stop(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    """Not when its last answer has been sent, which may be much later."""
    receiver.is_open.clear()
    await notify(outbox, new_notification(1))

    async with sending(outbox, receiver, clock, grace_s=DEADLINE_S * 2) as sender:
        await until(lambda: receiver.at_once == 1)
        sender.stop()
        clock.ms += round(DEADLINE_S * 2000)
        sender.stop()

    assert receiver.at_once == 0
