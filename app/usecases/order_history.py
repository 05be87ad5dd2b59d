"""An order's history for an operator: its events, the status after each, and its notifications."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.domain.fold.asking import Wanted
from app.domain.fold.history import facts_after_each
from app.domain.fold.readings import read_for_fold
from app.domain.fold.records import Payment, StoredEvent
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.status import PaymentStatus
from app.domain.stripe_events.evidence import Evidence
from app.usecases.event_book import EventBook, EventDatabase
from app.usecases.notification_tries import Try
from app.usecases.order_document import Order, status_of
from app.usecases.outbox import Notification, NotificationQuery, Outbox
from app.usecases.records import EventQuery, EventSummary

EVENTS_MAX: Final = 200
NOTIFICATIONS_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PastEvent:
    """An event, and the order's status once it had been received.

    `status` is None if that is unknown, because the body of this or an earlier event was deleted.
    """

    event: EventSummary
    status: PaymentStatus | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastNotification:
    """A notification, and the attempts to post it, the oldest first."""

    notification: Notification
    tries: Sequence[Try]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderHistory:
    """The oldest first. `has_earlier`: earlier events or notifications are not included.

    `is_pruned`: bodies of events were deleted, so the status after them is unknown.
    """

    events: Sequence[PastEvent]
    notifications: Sequence[PastNotification]
    has_earlier: bool
    is_pruned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOrderHistory:
    """Reads the latest `EVENTS_MAX` events and `NOTIFICATIONS_MAX` notifications of an order."""

    database: EventDatabase
    outbox: Outbox

    async def __call__(self, order: Order) -> OrderHistory:
        """Return what happened to this order.

        Raises:
            StorageUnavailableError: the database cannot be read.
        """
        summaries, stored = await self.database.read(lambda book: _events(book, order.session_ids))
        shown = summaries[-EVENTS_MAX:]
        known = await self.outbox.list_notifications(
            NotificationQuery(order_id=order.id, limit=NOTIFICATIONS_MAX + 1)
        )
        told = known[:NOTIFICATIONS_MAX]
        return OrderHistory(
            events=_with_statuses(order.session_ids, shown, stored),
            notifications=await with_tries(self.outbox, told[::-1]),
            has_earlier=len(summaries) > len(shown) or len(known) > len(told),
            is_pruned=not all(each.has_payload for each in summaries),
        )


async def with_tries(
    outbox: Outbox, notifications: Sequence[Notification]
) -> list[PastNotification]:
    """Return each of these, in their order, with the attempts to post it.

    Raises:
        StorageUnavailableError: the database cannot be read.
    """
    tries: defaultdict[str, list[Try]] = defaultdict(list)
    for each in await outbox.tries_of([each.id for each in notifications]):
        tries[each.notification_id].append(each)
    return [PastNotification(notification=each, tries=tries[each.id]) for each in notifications]


async def _events(
    book: EventBook, session_ids: Sequence[str]
) -> tuple[list[EventSummary], dict[str, StoredEvent]]:
    """Return the latest events in order of receipt, and these and the sessions' own as stored.

    A session's own events come first as a rule, and without them no other event counts.
    """
    found: dict[str, EventSummary] = {}
    for session_id in session_ids:
        wanted = EventQuery(payment=session_id, limit=EVENTS_MAX + 1)
        found |= {each.id: each for each in await book.list_events(wanted)}
    summaries = sorted(found.values(), key=lambda each: (each.received_at_ms, each.id))
    ids = [each.id for each in summaries[-EVENTS_MAX:]]
    stored = (await book.look_around(Wanted(events=ids))).events
    own = (await book.look_around(Wanted(mentioning=session_ids, limit=EVENTS_MAX))).events
    return summaries, {each.id: each for each in (*own, *stored)}


def _with_statuses(
    session_ids: Sequence[str],
    shown: Sequence[EventSummary],
    stored: Mapping[str, StoredEvent],
) -> list[PastEvent]:
    shown_ids = [each.id for each in shown]
    earlier_ids = sorted(stored.keys() - {*shown_ids})
    evidence = _evidence([*earlier_ids, *shown_ids], stored)
    after = zip(evidence, facts_after_each(session_ids, evidence), strict=True)
    statuses = {event_id: _status(facts) for event_id, facts in after}
    past = list[PastEvent]()
    status: PaymentStatus | None = next(
        (statuses[event_id] for event_id in reversed(earlier_ids) if event_id in statuses),
        PaymentStatus.OPEN,
    )
    for summary in shown:
        is_known = status is not None and summary.has_payload
        status = statuses.get(summary.id, status) if is_known else None
        past.append(PastEvent(event=summary, status=status))
    return past


def _evidence(event_ids: Sequence[str], stored: Mapping[str, StoredEvent]) -> dict[str, Evidence]:
    """Return the evidence of the events that can be read, in this order."""
    found = [stored[event_id] for event_id in event_ids if event_id in stored]
    readings = {each.id: read_for_fold(each.event).evidence for each in found if each.event}
    return {event_id: evidence for event_id, evidence in readings.items() if evidence}


def _status(facts: Mapping[str, PaymentFacts]) -> PaymentStatus:
    return status_of(
        [Payment(session_id=id_, facts=each, updated_at_ms=0) for id_, each in facts.items()]
    )
