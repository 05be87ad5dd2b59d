"""What a database holds that may depend neither on the order of events nor on the database."""

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
class Truth:
    """All of it, compared as a whole: payments by session, events by id, who is linked to whom."""

    payments: Mapping[str, tuple[PaymentFacts, tuple[object, ...]]]
    events: Mapping[str, tuple[object, ...]]
    links: frozenset[tuple[object, ...]]
    mentions: frozenset[tuple[object, ...]]
    renewals: Mapping[str, PaymentFacts]

    @property
    def statuses(self) -> Mapping[str, object]:
        """The payments' statuses, by session."""
        return {session_id: columns[0] for session_id, (_, columns) in self.payments.items()}

    def differences(self, other: "Truth") -> list[str]:
        """What differs, in words: this, and the other."""
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


def truth(path: Path) -> Truth:
    """What is committed, in an SQLite file or where a file's PostgreSQL URL leads."""
    return truth_of(lambda sql: (tuple(row.values()) for row in query(path, sql)))


def truth_of(rows: Callable[[str], Iterable[tuple[Any, ...]]]) -> Truth:
    """The same, where something else answers the questions."""
    events = list(rows("SELECT id, type, state, reason FROM events"))
    by_id = {row[0]: row[1:] for row in events}
    assert len(by_id) == len(events), "an event has two rows"
    return Truth(
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
    """An event as the webhook hands it on."""
    return ReceivedEvent(read_event(document), to_body(document))


def recorder(database: SqliteDatabase) -> RecordEvents:
    """Records events, and tells nobody."""
    return RecordEvents(
        database=database, clock=FixedClock(), alarm=SilentAlarm(), on_change=lambda _: None
    )


async def calm_truth(path: Path, history: Sequence[Document]) -> Truth:
    """What a history leads to when it is told in order, one event after the other, on SQLite.

    `path` is an empty database with the current schema.
    """
    database = SqliteDatabase(path, SilentAlarm())
    try:
        record = recorder(database)
        for document in history:
            await record([received(document)])
    finally:
        await database.close()
    return truth(path)
