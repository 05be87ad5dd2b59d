"""Converts a fold's result to rows, one line for each kind."""

from collections.abc import Mapping, Sequence

from app.adapters.database import fold_sql as sql
from app.adapters.database.outbox_rows import new_to_row
from app.adapters.database.outbox_sql import ADD_NOTIFICATION
from app.adapters.database.rows import (
    NamedValues,
    event_to_row,
    payment_to_row,
    renewal_to_names,
    renewal_to_row,
    settled_to_row,
)
from app.adapters.database.sql import Writing
from app.domain.fold.outcome import Outcome
from app.usecases.outbox import Posting
from app.usecases.records import EventRow


def writings(
    events: Sequence[EventRow], outcome: Outcome, posting: Posting
) -> Mapping[Writing, list[NamedValues]]:
    """Return the rows of each kind, new events last.

    They are sorted, so that replicas lock in the same order; but notifications keep their order,
    and links come after their payments.
    """
    payments = sorted(outcome.payments, key=lambda payment: payment.session_id)
    settled = sorted(outcome.settled, key=lambda each: each.event_id)
    notifications = [
        *(outcome.notifications if posting.is_kept else ()),
        *(outcome.silent if posting.has_table else ()),
    ]
    renewals = [renewal_to_row(renewal) for renewal in outcome.renewals]
    kinds = {
        sql.SAVE_PAYMENT: [payment_to_row(payment) for payment in payments],
        sql.SAVE_RENEWAL: [row for row in renewals if row["facts"]],
        sql.FORGET_RENEWAL: [row for row in renewals if not row["facts"]],
        sql.NAME_RENEWAL: [row for each in outcome.renewals for row in renewal_to_names(each)],
        sql.LINK: [link._asdict() for link in sorted(outcome.links)],
        sql.MENTION: [mention._asdict() for mention in sorted(outcome.mentions)],
        sql.WAKE: [{"event_id": event_id} for event_id in sorted(outcome.woken_ids)],
        sql.SETTLE: [settled_to_row(each) for each in settled],
        sql.KEEP_WAKE: [wake._asdict() for wake in sorted(outcome.wakes)],
        sql.FORGET_WAKE: [{"object_id": object_id} for object_id in sorted(outcome.awake)],
        ADD_NOTIFICATION: [new_to_row(each, posting) for each in notifications],
        sql.ADD_EVENT: [event_to_row(each) for each in sorted(events, key=lambda each: each.id)],
    }
    return {kind: rows for kind, rows in kinds.items() if rows}
