"""What a batch's fold will ask, read at once; and what it writes, kept for one statement.

A round trip costs the service about as much CPU as folding two events does.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.adapters.database import sql
from app.adapters.database.outbox_sql import ADD_NOTIFICATION
from app.adapters.database.postgres.statements import columns
from app.adapters.database.rows import (
    NamedValues,
    event_to_row,
    payment_to_row,
    row_to_payment,
    row_to_sold,
)
from app.usecases.records import EventRow, Link, Mention, Payment, SoldCheckout

_PAYMENT = tuple(sql.PAYMENT_COLUMNS.split(", "))
_SOLD = ("session_id", "expected_currency", "expected_subtotal_minor", "", "", "key_digest")


class Foreseen:
    """The rows that concern some ids, which are locked: so they stay true until the end."""

    def __init__(self, object_ids: Collection[str], rows: Iterable[Sequence[Any]]) -> None:
        """From the rows of FORESEE."""
        self.known_events: set[str] = set()
        self._object_ids = frozenset(object_ids)
        self._links: defaultdict[str, list[Link]] = defaultdict(list)
        self._mentioned: set[str] = set()
        self._sold: dict[str, SoldCheckout] = {}
        self._payments: dict[str, Payment] = {}
        for kind, *row in rows:
            if kind == "e":
                self.known_events.add(row[0])
            elif kind == "l":
                self._links[row[0]].append(Link(row[0], row[1]))
            elif kind == "m":
                self._mentioned.add(row[0])
            elif kind == "c":
                self._sold[row[0]] = row_to_sold(dict(zip(_SOLD, row, strict=True)))
            else:
                self._payments[row[0]] = row_to_payment(dict(zip(_PAYMENT, row, strict=False)))
        linked = {link.session_id for links in self._links.values() for link in links}
        self._session_ids = self._object_ids | linked

    def links(self, object_ids: Collection[str]) -> list[Link] | None:
        """The links of these ids; None where that was not foreseen."""
        if not self._object_ids.issuperset(object_ids):
            return None
        return [link for object_id in object_ids for link in self._links.get(object_id, ())]

    def payments(self, session_ids: Collection[str]) -> Mapping[str, Payment] | None:
        """The payments of these sessions; None where that was not foreseen."""
        if not self._session_ids.issuperset(session_ids):
            return None
        return {id_: self._payments[id_] for id_ in session_ids if id_ in self._payments}

    def sold_checkouts(
        self, checkout_ids: Mapping[str, str | None]
    ) -> Mapping[str, SoldCheckout] | None:
        """The checkouts of these sessions; None where that was not foreseen.

        A checkout that does not know its session is found only by its own id.
        """
        asked_by_session = self._object_ids.issuperset(checkout_ids)
        by_checkout = any(checkout_ids[id_] for id_ in checkout_ids.keys() - self._sold.keys())
        if by_checkout or not asked_by_session:
            return None
        return {id_: sold for id_ in checkout_ids if (sold := self._sold.get(id_))}

    def perhaps_mentioned(self, object_ids: Collection[str]) -> list[str]:
        """Without those of which no stored event speaks."""
        return [id_ for id_ in object_ids if id_ in self._mentioned or id_ not in self._object_ids]


@dataclass(slots=True)
class Unwritten:
    """Rows that nobody has asked for yet. They are sorted, so that replicas lock in one order."""

    mentions: list[Mention] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    woken_ids: list[str] = field(default_factory=list)
    payments: dict[str, Payment] = field(default_factory=dict)
    notifications: list[NamedValues] = field(default_factory=list)  # in their own order

    def __bool__(self) -> bool:
        return bool(
            self.mentions or self.links or self.woken_ids or self.payments or self.notifications
        )

    def rows(self, events: Sequence[EventRow]) -> dict[sql.Writing, list[NamedValues]]:
        """What there is to write, with the events that go with it."""
        events = sorted(events, key=lambda event: event.id)
        kinds = {
            sql.MENTION: [each._asdict() for each in sorted(self.mentions)],
            sql.LINK: [each._asdict() for each in sorted(self.links)],
            sql.WAKE: [{"event_id": event_id} for event_id in sorted(self.woken_ids)],
            sql.SAVE_PAYMENT: [payment_to_row(self.payments[id_]) for id_ in sorted(self.payments)],
            ADD_NOTIFICATION: self.notifications,
            sql.ADD_EVENT: [event_to_row(event) for event in events],
        }
        return {kind: rows for kind, rows in kinds.items() if rows}


def parameters(kinds: Mapping[sql.Writing, Sequence[NamedValues]]) -> list[list[object]]:
    """The parameters of `writing`, for these rows."""
    return [column for kind, rows in kinds.items() for column in columns(kind, rows)]
