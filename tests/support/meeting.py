"""Two replicas whose transactions meet at the point where a lock matters."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.postgres.statements import looking
from app.adapters.database.postgres.transaction import PostgresTransaction
from app.adapters.database.surroundings import questions, surroundings
from app.domain.fold.asking import Surroundings, Wanted
from app.domain.fold.outcome import Outcome
from app.domain.fold.records import Payment
from app.domain.stripe_events.event import read_event
from app.usecases.record_events import ReceivedEvent, Recorded, RecordEvents
from app.usecases.records import EventRow
from app.usecases.storage import Database, Transaction
from tests.support.builders import (
    DEADLINE_S,
    SESSION_ID,
    Document,
    FixedClock,
    SilentAlarm,
    to_body,
)

T = TypeVar("T")


@dataclass(slots=True)
class Meeting:
    """Where both replicas meet between reading and writing, if nothing keeps one from coming."""

    barrier: asyncio.Barrier
    patience_s: float
    met: bool = False

    async def wait(self) -> None:
        try:
            async with asyncio.timeout(self.patience_s):
                await self.barrier.wait()
            self.met = True
        except (TimeoutError, asyncio.BrokenBarrierError):
            await self.barrier.abort()  # who comes later need not wait for who has gone


class MeetingTransaction:
    """A transaction that goes to the meeting before it writes its first row."""

    def __init__(self, transaction: PostgresTransaction, meeting: Meeting) -> None:
        self._transaction = transaction
        self._meeting = meeting

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 whatever the transaction has
        return getattr(self._transaction, name)

    async def record(self, events: Sequence[EventRow], outcome: Outcome) -> Collection[str]:
        await self._meeting.wait()
        return await self._transaction.record(events, outcome)


class UnlockedIds(MeetingTransaction):
    """Without the lock on the ids that events mention."""

    async def lock(self, _: Collection[str], *, wait: bool = True) -> bool:  # noqa: ARG002
        return True


class UnlockedPayments(MeetingTransaction):
    """Without the lock on the payments that are about to change."""

    async def look_around(self, wanted: Wanted) -> Surroundings:
        readings, values = questions(wanted)
        text, names = looking(readings, to_change=False)
        rows = await self._transaction.fetch(text, *(values[name] for name in names))
        found = {
            reading: [row for row in rows if row["kind"] == kind]
            for kind, reading in enumerate(readings)
        }
        return surroundings(found)


@dataclass(slots=True)
class MeetingDatabase:
    """One replica's database, whose acts go to the meeting."""

    database: PostgresDatabase
    meeting: Meeting
    kind: type[MeetingTransaction] = MeetingTransaction

    async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        async def meet(transaction: Transaction) -> T:
            assert isinstance(transaction, PostgresTransaction)
            return await act(cast("Transaction", self.kind(transaction, self.meeting)))

        return await self.database.write(meet)


@dataclass(slots=True)
class Replicas:
    """Two processes' databases, which are one."""

    first: PostgresDatabase
    second: PostgresDatabase

    async def record_at_once(
        self,
        meeting: Meeting,
        *documents: Document,
        kind: type[MeetingTransaction] = MeetingTransaction,
    ) -> list[Recorded]:
        """Each document by a replica of its own; what became of each."""
        databases = (MeetingDatabase(each, meeting, kind) for each in (self.first, self.second))
        outcomes = await asyncio.gather(
            *(
                record(cast("Database", database), document)
                for database, document in zip(databases, documents, strict=True)
            )
        )
        return [outcome for (outcome,) in outcomes]

    async def payment(self) -> Payment:
        payment = await self.first.find_payment(SESSION_ID)
        assert payment is not None
        return payment


async def record(database: Database, *documents: Document) -> list[Recorded]:
    record_events = RecordEvents(
        database=database, clock=FixedClock(), alarm=SilentAlarm(), on_change=lambda _: None
    )
    return await record_events(
        [ReceivedEvent(read_event(document), to_body(document)) for document in documents]
    )


def kept_apart() -> Meeting:
    """A lock holds one of them up, so the other waits in vain, and goes on after a while."""
    return Meeting(asyncio.Barrier(2), patience_s=0.3)


def sure_to_meet() -> Meeting:
    """Nothing holds them up, so that they meet however slow the machine."""
    return Meeting(asyncio.Barrier(2), patience_s=DEADLINE_S)
