"""The sender while many webhooks arrive at once: they come first, but it goes on."""

from dataclasses import dataclass

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from app.usecases.send_notifications import CALM_S, CROWD, GIVE_WAY_S
from tests.support.builders import FixedClock, until
from tests.support.notifying import PlayedReceiver, sending
from tests.support.outbox import new_notification, notify
from tests.support.settled import id_of

AnyDatabase = SqliteDatabase | PostgresDatabase
LOOKS = 20  # enough for a sender that does not wait to have sent


@dataclass(slots=True)
class PlayedTime:
    """A monotonic clock that a test moves; it counts how often it was read."""

    now_s: float = 1_000.0
    looks: int = 0

    def __call__(self) -> float:
        self.looks += 1
        return self.now_s


async def test_a_crowd_of_webhooks_comes_first(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    time = PlayedTime()
    async with sending(outbox, receiver, clock, monotonic_s=time) as sender:
        sender.wake(CROWD)
        await notify(outbox, new_notification(1))
        looks = time.looks
        await until(lambda: time.looks > looks + LOOKS)
        assert receiver.posted == []

        time.now_s += CALM_S
        await until(lambda: receiver.posted == [id_of(1)])


async def test_a_crowd_that_does_not_end_holds_nothing_back_for_good(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    time = PlayedTime()
    async with sending(outbox, receiver, clock, monotonic_s=time) as sender:
        sender.wake(CROWD)
        await notify(outbox, new_notification(1))
        looks = time.looks
        await until(lambda: time.looks > looks + LOOKS)

        time.now_s += GIVE_WAY_S
        sender.wake(CROWD)
        await until(lambda: receiver.posted == [id_of(1)])


async def test_a_few_changes_at_once_are_no_crowd(
    outbox: AnyDatabase, receiver: PlayedReceiver, clock: FixedClock
) -> None:
    time = PlayedTime()
    async with sending(outbox, receiver, clock, monotonic_s=time) as sender:
        await notify(outbox, new_notification(1))
        sender.wake(CROWD - 1)
        await until(lambda: receiver.posted == [id_of(1)])
