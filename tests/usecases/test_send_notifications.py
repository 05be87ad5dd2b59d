"""The sender, on every database: what is sent when, in which order, and what a try leaves."""

import asyncio

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from app.domain.notifications.tries import TRIES_MAX, Answer
from app.usecases.outbox import Delivery
from app.usecases.receiver_state import PauseReason
from app.usecases.send_notifications import HELD_MAX, PROBE_EVERY_MS
from app.usecases.sending_pace import AT_ONCE
from tests.support.builders import FixedClock, until
from tests.support.notifying import (
    GONE,
    REFUSED,
    TAKEN,
    Heard,
    PlayedReceiver,
    sending,
)
from tests.support.outbox import NOW_MS, new_notification, notify
from tests.support.settled import found, id_of, until_settled, until_taken

AnyDatabase = SqliteDatabase | PostgresDatabase


async def test_what_waits_is_sent_and_settled(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    heard = Heard()
    await notify(outbox, new_notification(1))

    async with sending(outbox, receiver, clock, report=heard):
        notification = await until_settled(outbox, 1)

    assert receiver.posted == [id_of(1)]
    assert receiver.documents == [{"type": "order.paid", "data": {"id": "chk_1"}}]
    assert notification.delivery is Delivery.TAKEN
    assert heard.results == ["taken"]


async def test_what_is_committed_is_sent_at_once_when_it_is_woken(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    async with sending(outbox, receiver, clock) as sender:
        await notify(outbox, new_notification(1))
        sender.wake()
        await until(lambda: receiver.posted == [id_of(1)])


async def test_what_another_replica_committed_is_found_all_the_same(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    async with sending(outbox, receiver, clock):
        await asyncio.sleep(0.05)
        await notify(outbox, new_notification(1))
        await until(lambda: receiver.posted == [id_of(1)])


async def test_ten_at_once_at_most(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    receiver.is_open.clear()
    await notify(outbox, *(new_notification(number) for number in range(1, 31)))

    async with sending(outbox, receiver, clock):
        await until(lambda: receiver.at_once == AT_ONCE)
        receiver.is_open.set()
        await until(lambda: len(receiver.posted) == 30)

    assert receiver.at_once_max == AT_ONCE
    assert sorted(receiver.posted) == [id_of(number) for number in range(1, 31)]


async def test_more_than_it_holds_are_all_sent_once(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    many = 2 * HELD_MAX + 1
    await notify(outbox, *(new_notification(number) for number in range(1, many + 1)))

    async with sending(outbox, receiver, clock):
        await until(lambda: len(receiver.posted) >= many)
        await until_settled(outbox, many)

    assert len(set(receiver.posted)) == len(receiver.posted) == many


async def test_two_replicas_share_the_work_and_send_nothing_twice(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    async with sending(outbox, receiver, clock) as one, sending(outbox, receiver, clock) as other:
        for first in range(1, 201, 20):
            await notify(outbox, *(new_notification(first + number) for number in range(20)))
            one.wake()
            other.wake()
        await until(lambda: len(set(receiver.posted)) == 200)

    assert len(receiver.posted) == 200


async def test_what_an_order_tells_waits_for_what_it_told_before_until_the_third_try(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    receiver.answers[id_of(1)] = REFUSED
    await notify(
        outbox,
        new_notification(1, order_id="chk_a"),
        new_notification(2, order_id="chk_a"),
        new_notification(3, order_id="chk_b"),
    )

    async with sending(outbox, receiver, clock) as sender:
        for tries, pause_ms in enumerate([5_000, 30_000], start=1):
            held = await until_settled(outbox, 1, tries)
            assert held.due_at_ms == clock.ms + pause_ms
            assert id_of(2) not in receiver.posted
            clock.ms += pause_ms
            sender.wake()
        await until_settled(outbox, 2)

    assert receiver.posted.count(id_of(1)) == 3
    assert receiver.posted.count(id_of(3)) == 1


async def test_the_pause_that_a_receiver_asks_for_is_kept(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    receiver.answer = Answer(status=429, retry_after_s=3_600)
    await notify(outbox, new_notification(1))

    async with sending(outbox, receiver, clock):
        waiting = await until_settled(outbox, 1)

    assert waiting.due_at_ms == NOW_MS + 3_600_000


async def test_after_its_last_try_it_has_failed(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    heard = Heard()
    await notify(outbox, new_notification(1), new_notification(2))
    receiver.answers[id_of(1)] = Answer(status=None, problem="refuses connections")

    async with sending(outbox, receiver, clock, report=heard) as sender:
        for tries in range(1, TRIES_MAX + 1):
            waiting = await until_settled(outbox, 1, tries)
            await outbox.resume_notifications(at_ms=clock.ms)  # else it would be probed alone
            clock.ms = max(clock.ms, waiting.planned_at_ms or waiting.due_at_ms or 0)
            sender.wake()

    last, tries_made = await found(outbox, 1)
    assert last.delivery is Delivery.FAILED
    assert last.due_at_ms is None
    assert heard.results.count("again") == TRIES_MAX - 1
    assert heard.results.count("failed") == 1
    assert {tried.problem for tried in tries_made} == {"refuses connections"}


async def test_a_receiver_that_fails_gets_no_flood_but_a_probe_and_then_everything(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    receiver.answer = REFUSED
    await notify(outbox, *(new_notification(number) for number in range(1, 41)))

    async with sending(outbox, receiver, clock) as sender:
        await until(lambda: receiver.at_once_max > 0 and receiver.at_once == 0)
        await until_settled(outbox, 1)
        flood = len(receiver.posted)
        assert flood < 5 + AT_ONCE
        clock.ms += PROBE_EVERY_MS
        sender.wake()
        await until(lambda: len(receiver.posted) == flood + 1)
        receiver.answer = TAKEN
        await until(lambda: receiver.at_once == 0)
        clock.ms += PROBE_EVERY_MS
        sender.wake()
        await until(lambda: len(set(receiver.posted)) == 40)
        for number in range(1, 41):
            await until_taken(outbox, number)

    assert receiver.at_once_max <= AT_ONCE


async def test_a_receiver_that_works_again_is_found_long_before_the_next_try_is_due(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    receiver.answer = REFUSED
    await notify(outbox, new_notification(1))

    async with sending(outbox, receiver, clock) as sender:
        for tries in range(1, 5):
            clock.ms = (await until_settled(outbox, 1, tries)).due_at_ms or 0
            sender.wake()
        waiting = await until_settled(outbox, 1, 5)
        for probes in range(1, 4):  # none of which takes one of its tries
            clock.ms += PROBE_EVERY_MS
            sender.wake()
            probed = await until_settled(outbox, 1, 5 + probes)
            assert (probed.attempts, probed.due_at_ms) == (5, waiting.due_at_ms)
        receiver.answer = TAKEN
        clock.ms += PROBE_EVERY_MS
        sender.wake()
        taken = await until_settled(outbox, 1, 9)

    assert taken.delivery is Delivery.TAKEN
    assert clock.ms < (waiting.due_at_ms or 0) - 3_600_000


async def test_a_receiver_that_asks_for_a_pause_is_not_probed_before_it_is_over(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    receiver.answer = Answer(status=503, retry_after_s=600)
    await notify(outbox, *(new_notification(number) for number in range(1, 6)))

    async with sending(outbox, receiver, clock) as sender:
        for number in range(1, 6):
            await until_settled(outbox, number)
        clock.ms += 599_999
        sender.wake()
        await asyncio.sleep(0.05)
        assert len(receiver.posted) == 5
        clock.ms += 1
        sender.wake()
        await until(lambda: len(receiver.posted) == 6)


async def test_a_receiver_that_is_gone_pauses_everything_until_it_is_resumed(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    receiver.answer = GONE
    await notify(outbox, new_notification(1))

    async with sending(outbox, receiver, clock) as sender:
        refused = await until_settled(outbox, 1)
        await notify(outbox, new_notification(2))
        sender.wake()
        known = await outbox.receiver()
        assert refused.delivery is Delivery.WAITING
        assert known.pause_reason is PauseReason.GONE
        assert receiver.posted == [id_of(1)]
        receiver.answer = TAKEN
        await outbox.resume_notifications(at_ms=clock.ms)
        await until(lambda: sorted(receiver.posted[1:]) == [id_of(1), id_of(2)])
