"""Converts a fold's query to SQL reads, and their rows to the answer."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from app.adapters.database import fold_sql as sql
from app.adapters.database.fold_sql import Reading
from app.adapters.database.rows import (
    NamedValues,
    Row,
    row_to_payment,
    row_to_renewal,
    row_to_sold,
    row_to_stored_event,
)
from app.domain.fold.asking import Surroundings, Wanted
from app.domain.fold.records import Link, StoredEvent, Wake

NO_LIMIT: Final = 2**31 - 1

Found = Mapping[Reading, Sequence[Row]]


def questions(wanted: Wanted) -> tuple[tuple[Reading, ...], NamedValues]:
    """Return the reads for this query, and their parameters."""
    readings: list[Reading] = []
    values: NamedValues = {}
    if wanted.known:
        readings.append(sql.KNOWN_EVENTS)
        values["known"] = list(wanted.known)
    if wanted.around or wanted.checkout_ids:
        values |= {"around": list(wanted.around), "checkout_ids": list(wanted.checkout_ids)}
        around = (sql.LINKS, sql.MENTIONED, sql.PAYMENTS, sql.CHECKOUTS)
        readings += around if wanted.around else around[-1:]
    if wanted.wakes_max:
        readings.append(sql.PENDING_WAKES)
        values["wakes_max"] = wanted.wakes_max
    if wanted.renewals:
        readings.append(sql.RENEWALS)
        values |= _pairs(wanted.renewals)
    elif wanted.renewals_of:
        readings.append(sql.ALL_RENEWALS)
        values["renewals_of"] = list(wanted.renewals_of)
    return (*readings, *_events(wanted, values)), values


def _events(wanted: Wanted, values: NamedValues) -> Sequence[Reading]:
    """Return the read for stored events, if any are requested."""
    values["limit"] = NO_LIMIT if wanted.limit is None else wanted.limit
    if wanted.events:
        values["events"] = list(wanted.events)
        return [sql.EVENTS]
    if wanted.mentioning:
        values["mentioning"] = list(wanted.mentioning)
        return [sql.EVENTS_MENTIONING]
    if wanted.wake:
        values |= wanted.wake._asdict()
        return [sql.EVENTS_OF_WAKE]
    return []


def _pairs(renewals: Mapping[str, Collection[str]]) -> NamedValues:
    """Return ids by session as two lists for PostgreSQL, and as one list of pairs for SQLite."""
    pairs = [(session_id, id_) for session_id, ids in renewals.items() for id_ in ids]
    return {
        "session_ids": [session_id for session_id, _ in pairs],
        "object_ids": [object_id for _, object_id in pairs],
        "pairs": pairs,
    }


def surroundings(found: Found) -> Surroundings:
    """Build the answer from these rows."""
    answer: dict[str, Any] = {}
    for reading, rows in found.items():
        name, read = _ANSWERS[reading]
        answer[name] = read(rows)
    return Surroundings(**answer)


def _events_by_id(rows: Sequence[Row]) -> list[StoredEvent]:
    return sorted(map(row_to_stored_event, rows), key=lambda event: event.id)


_STORED: Final = ("events", _events_by_id)
_RENEWED: Final = ("renewals", lambda rows: [row_to_renewal(row) for row in rows])
_ANSWERS: Final[Mapping[Reading, tuple[str, Callable[[Sequence[Row]], object]]]] = {
    sql.KNOWN_EVENTS: ("known_events", lambda rows: {row["id"] for row in rows}),
    sql.LINKS: ("links", lambda rows: [Link(row["object_id"], row["session_id"]) for row in rows]),
    sql.MENTIONED: ("mentioned", lambda rows: [row["object_id"] for row in rows]),
    sql.PAYMENTS: (
        "payments",
        lambda rows: {row["session_id"]: row_to_payment(row) for row in rows},
    ),
    sql.CHECKOUTS: ("checkouts", lambda rows: [row_to_sold(row) for row in rows]),
    sql.PENDING_WAKES: (
        "wakes",
        lambda rows: [Wake(row["object_id"], row["event_id"]) for row in rows],
    ),
    sql.EVENTS: _STORED,
    sql.EVENTS_MENTIONING: _STORED,
    sql.EVENTS_OF_WAKE: _STORED,
    sql.RENEWALS: _RENEWED,
    sql.ALL_RENEWALS: _RENEWED,
}
