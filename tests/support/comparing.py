"""The database's contents that must not depend on the order of events or on the database."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.adapters.database.facts import facts_from_json
from app.adapters.database.sqlite.database import SqliteDatabase
from app.domain.payments.facts import PaymentFacts
from app.domain.stripe_events.event import read_event
from app.usecases.record_events import ReceivedEvent, RecordEvents
from tests.support.builders import Document, FixedClock, SilentAlarm, query, to_body

PAID: Final = {"paid", "partially_refunded", "refunded", "disputed"}

_PAYMENTS: Final = """
    SELECT session_id, facts, status, checkout_id, amount_total_minor, currency, paid_at_s,
           amount_refunded_minor, contradicted FROM payments
"""
_RENEWALS: Final = "SELECT session_id, invoice_id, facts FROM renewals"


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """The contents: payments by session, events by id, links, mentions, renewals."""

    payments: Mapping[str, tuple[PaymentFacts, tuple[object, ...]]]
    events: Mapping[str, tuple[object, ...]]
    links: frozenset[tuple[object, ...]]
    mentions: frozenset[tuple[object, ...]]
    renewals: Mapping[str, PaymentFacts]

    @property
    def statuses(self) -> Mapping[str, object]:
        """The payments' statuses, by session."""
        return {session_id: columns[0] for session_id, (_, columns) in self.payments.items()}

    def differences(self, other: "DatabaseState") -> list[str]:
        """Return the differences as text: this value, and the other."""
        pairs: tuple[tuple[Mapping[str, object], Mapping[str, object]], ...] = (
            (self.payments, other.payments),
            (self.events, other.events),
            (self.renewals, other.renewals),
        )
        differing = [
            f"{id_}: {mine.get(id_)}, {others.get(id_)}"
            for mine, others in pairs
            for id_ in mine.keys() | others.keys()
            if mine.get(id_) != others.get(id_)
        ]
        strays = (self.links ^ other.links) | (self.mentions ^ other.mentions)
        return differing + [f"only one has {stray}" for stray in strays]


def state_of(path: Path) -> DatabaseState:
    """Read what is committed, in an SQLite file or in the PostgreSQL database that a file names."""
    return state_from(lambda sql: (tuple(row.values()) for row in query(path, sql)))


def state_from(rows: Callable[[str], Iterable[tuple[Any, ...]]]) -> DatabaseState:
    """Read the same with another function for queries."""
    events = list(rows("SELECT id, type, state, reason FROM events"))
    by_id = {row[0]: row[1:] for row in events}
    assert len(by_id) == len(events), "an event has two rows"
    return DatabaseState(
        payments={
            session_id: (facts_from_json(facts), tuple(columns))
            for session_id, facts, *columns in rows(_PAYMENTS)
        },
        events=by_id,
        links=frozenset(rows("SELECT object_id, session_id FROM payment_links")),
        mentions=frozenset(rows("SELECT object_id, event_id FROM event_mentions")),
        renewals={
            f"{session_id} {invoice_id}": facts_from_json(facts)
            for session_id, invoice_id, facts in rows(_RENEWALS)
        },
    )


def received(document: Document) -> ReceivedEvent:
    """Return an event as the webhook passes it on."""
    return ReceivedEvent(read_event(document), to_body(document))


def recorder(database: SqliteDatabase) -> RecordEvents:
    """Return a use case that records events and raises no alerts."""
    return RecordEvents(
        database=database, clock=FixedClock(), alarm=SilentAlarm(), on_change=lambda _: None
    )


async def expected_state(path: Path, history: Sequence[Document]) -> DatabaseState:
    """Return the state after recording a history in order, one event at a time, on SQLite.

    `path` is an empty database with the current schema.
    """
    database = SqliteDatabase(path, SilentAlarm())
    try:
        record = recorder(database)
        for document in history:
            await record([received(document)])
    finally:
        await database.close()
    return state_of(path)
