"""A receiver that recovers slowly gets everything in the end, and no attempt is lost by that."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from app.domain.notifications.tries import PAUSES_S, TRIES_MAX, Answer
from app.usecases.order_document import Document
from app.usecases.outbox import Backlog, Delivery
from tests.support.builders import DEADLINE_S, FixedClock
from tests.support.notifying import GONE, REFUSED, TAKEN, Heard, PlayedReceiver, sending
from tests.support.outbox import NOW_MS, new_notification, notify
from tests.support.settled import id_of, until_settled

AnyDatabase = SqliteDatabase | PostgresDatabase


@dataclass(slots=True)
class SlowReceiver(PlayedReceiver):
    """Takes one every ten seconds, and asks for a pause otherwise."""

    clock: FixedClock = field(kw_only=True)
    free_at_ms: int = 0

    async def post(self, notification_id: str, document: Document) -> Answer:
        await PlayedReceiver.post(self, notification_id, document)
        if self.clock.ms < self.free_at_ms:
            return Answer(status=429, retry_after_s=10)
        self.free_at_ms = self.clock.ms + 10_000
        return TAKEN


async def until_quiet(outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock) -> Backlog:
    """Wait until nothing more is due at this moment, and all attempts are written."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            due_at_ms = await outbox.next_due_ms()
            ids = list(dict.fromkeys(receiver.posted))
            settled = await outbox.tries_of(ids)
            if len(settled) == len(receiver.posted) and (due_at_ms or clock.ms + 1) > clock.ms:
                return await outbox.backlog()
            await asyncio.sleep(0.005)


async def test_a_receiver_that_recovers_slowly_gets_all_of_them(
    outbox: AnyDatabase, clock: FixedClock
) -> None:
    count, heard = 40, Heard()
    receiver = SlowReceiver(clock=clock)
    await notify(outbox, *(new_notification(number) for number in range(1, count + 1)))

    async with sending(outbox, receiver, clock, report=heard) as sender:
        while (await until_quiet(outbox, receiver, clock)).waiting:
            assert (await outbox.backlog()).failed == 0
            clock.ms = max(clock.ms + 10_000, await outbox.next_due_ms() or 0)
            sender.wake()

    assert Counter(heard.results)["taken"] == count
    assert Counter(heard.results)["failed"] == 0
    assert clock.ms - NOW_MS < sum(PAUSES_S) * 1000


async def test_one_that_is_never_taken_fails_on_its_schedule_however_often_all_are_made_due(
    outbox: AnyDatabase, clock: FixedClock
) -> None:
    receiver = PlayedReceiver(answers={id_of(1): Answer(status=400)})
    planned_ms = [NOW_MS]
    for pause_s in PAUSES_S:
        planned_ms.append(planned_ms[-1] + pause_s * 1000)
    await notify(outbox, new_notification(1))

    async with sending(outbox, receiver, clock) as sender:
        waiting = await until_settled(outbox, 1)
        for number, at_ms in enumerate(planned_ms[1:], start=2):
            for early_ms in (at_ms - 3, at_ms - 2):
                clock.ms = early_ms
                made = receiver.posted.count(id_of(1))
                await outbox.resume_notifications(at_ms=clock.ms)
                sender.wake()
                waiting = await until_settled(outbox, 1, made + 1)
                assert (waiting.delivery, waiting.due_at_ms) == (Delivery.WAITING, at_ms)
                assert waiting.attempts == number - 1
            clock.ms = at_ms
            made = receiver.posted.count(id_of(1))
            await outbox.resume_notifications(at_ms=clock.ms)
            sender.wake()
            waiting = await until_settled(outbox, 1, made + 1)

    assert waiting.delivery is Delivery.FAILED
    assert waiting.attempts == TRIES_MAX


async def test_a_pause_that_is_asked_for_meanwhile_moves_the_plan(
    outbox: AnyDatabase, clock: FixedClock
) -> None:
    receiver = PlayedReceiver(answer=REFUSED)
    await notify(outbox, new_notification(1))

    async with sending(outbox, receiver, clock) as sender:
        await until_settled(outbox, 1)
        receiver.answer = Answer(status=429, retry_after_s=3_600)
        clock.ms += 1
        await outbox.resume_notifications(at_ms=clock.ms)
        sender.wake()
        waiting = await until_settled(outbox, 1, 2)

    assert (waiting.attempts, waiting.due_at_ms) == (1, clock.ms + 3_600_000)


async def test_a_receiver_that_is_gone_takes_no_attempt(
    outbox: AnyDatabase, clock: FixedClock
) -> None:
    receiver = PlayedReceiver(answer=GONE)
    await notify(outbox, new_notification(1))

    async with sending(outbox, receiver, clock) as sender:
        for tries in range(1, TRIES_MAX + 1):
            waiting = await until_settled(outbox, 1, tries)
            assert (waiting.delivery, waiting.attempts) == (Delivery.WAITING, 0)
            clock.ms += 1
            await outbox.resume_notifications(at_ms=clock.ms)
            sender.wake()
