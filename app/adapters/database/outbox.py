"""The outbox in a database: the same operations on SQLite and PostgreSQL, each in a transaction."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import asdict
from operator import itemgetter
from typing import Protocol, TypeVar, cast

from app.adapters.database import outbox_sql as sql
from app.adapters.database.orders import Asks
from app.adapters.database.outbox_rows import (
    row_to_notification,
    row_to_receiver,
    row_to_try,
    settled_to_row,
)
from app.adapters.database.rows import NamedValues
from app.adapters.database.sql import Writing
from app.usecases.notification_tries import SettledTry, Try, TryResult
from app.usecases.outbox import NOTHING_POSTED, Backlog, Delivery, Notification, NotificationQuery
from app.usecases.receiver_state import PauseReason, ReceiverState
from app.usecases.storage import Transaction

T = TypeVar("T")


class Writes(Asks, Protocol):
    """A transaction for the outbox."""

    async def write_rows(self, writing: Writing, rows: Sequence[NamedValues]) -> None:
        """Write rows of one kind."""
        ...

    async def commit(self) -> None:
        """Make everything durable."""
        ...


class KeepsOutbox(ABC):
    """Implements `Outbox` on any database.

    `posting` decides which new notifications are posted.
    """

    posting = NOTHING_POSTED

    @abstractmethod
    async def read(self, look: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `look` over one moment's committed rows."""

    @abstractmethod
    async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `act` in a transaction of its own."""

    async def lease_notifications(
        self, *, now_ms: int, limit: int, lease_ms: int, probe_every_ms: int
    ) -> Sequence[Notification]:
        """Lease due notifications, oldest first; none while paused, few while failing."""

        async def lease(transaction: Writes) -> Sequence[Notification]:
            receiver, probe_at_ms = await _receiver_to_change(transaction)
            if receiver.is_paused or (receiver.is_only_probed and now_ms < probe_at_ms):
                return []
            moments = {"now_ms": now_ms, "leased_until_ms": now_ms + lease_ms}
            rows = await transaction.ask(
                sql.LEASE, **moments, limit=1 if receiver.is_only_probed else limit
            )
            if receiver.is_only_probed:
                rows = rows or await transaction.ask(sql.LEASE_AHEAD, **moments)
                await transaction.change(sql.PROBE, probe_at_ms=now_ms + probe_every_ms)
            await transaction.commit()
            return [row_to_notification(row) for row in sorted(rows, key=itemgetter("seq"))]

        return await self._act(lease)

    async def settle_tries(self, settled: Collection[SettledTry]) -> None:
        """Record attempts and end their leases."""

        async def settle(transaction: Writes) -> None:
            before, probe_at_ms = await _receiver_to_change(transaction)
            tries = [each.tried for each in settled if each.is_about_receiver]
            await _save_receiver(transaction, before.after(tries))
            in_order = sorted(settled, key=lambda each: each.tried.notification_id)
            await transaction.write_rows(sql.SETTLE, [settled_to_row(each) for each in in_order])
            await transaction.write_rows(sql.ADD_TRY, [asdict(each.tried) for each in in_order])
            asked_ms = _probe_at_ms(settled, probe_at_ms)
            if asked_ms != probe_at_ms:  # seldom: most receivers work, and ask for no pause
                await transaction.change(sql.PROBE, probe_at_ms=asked_ms)
            if recovery := before.recovery(tries):
                moments = {"failing_since_ms": recovery.since_ms, "now_ms": recovery.at_ms}
                await transaction.change(sql.MAKE_DUE_AGAIN, **moments)
            await transaction.commit()

        if settled:
            await self._act(settle)

    async def release_notifications(self, leased: Collection[Notification]) -> None:
        """Return leased notifications that were not attempted; they are due at once."""

        async def release(transaction: Writes) -> None:
            rows: list[NamedValues] = [
                {
                    "id": each.id,
                    "leased_until_ms": each.leased_until_ms,
                    "delivery": Delivery.WAITING,
                    "counted": 0,
                    "due_at_ms": each.at_ms,
                    "planned_at_ms": each.planned_at_ms,
                }
                for each in sorted(leased, key=lambda each: each.id)
            ]
            await transaction.write_rows(sql.SETTLE, rows)
            await transaction.commit()

        if leased:
            await self._act(release)

    async def next_due_ms(self) -> int | None:
        """Return when the next one is due, its lease ends, or the receiver may be probed."""

        async def look(transaction: Writes) -> int | None:
            receiver, probe_at_ms = await _receiver(transaction)
            if receiver.is_paused:
                return None
            if receiver.is_only_probed:  # whatever waits: a long backlog is not read at each commit
                return probe_at_ms
            rows = await transaction.ask(sql.NEXT_DUE)
            return rows[0]["due_at_ms"] if rows else None

        return await self._look(look)

    async def receiver(self) -> ReceiverState:
        """Return the receiver's state, as seen by all replicas."""

        async def look(transaction: Writes) -> ReceiverState:
            return (await _receiver(transaction))[0]

        return await self._look(look)

    async def pause_notifications(self, reason: PauseReason, *, at_ms: int) -> None:
        """Stop sending; an existing pause does not change."""

        async def pause(transaction: Writes) -> None:
            receiver, _ = await _receiver_to_change(transaction)
            if not receiver.is_paused:
                row = asdict(receiver) | {"paused_at_ms": at_ms, "pause_reason": reason}
                await transaction.change(sql.SAVE_RECEIVER, **row)
                await transaction.commit()

        await self._act(pause)

    async def resume_notifications(self, *, at_ms: int) -> None:
        """Resume sending, and make all waiting notifications due."""

        async def resume(transaction: Writes) -> None:
            receiver, _ = await _receiver_to_change(transaction)
            fresh = ReceiverState(last_taken_at_ms=receiver.last_taken_at_ms)
            await _save_receiver(transaction, fresh)
            await transaction.change(sql.MAKE_DUE, now_ms=at_ms)
            await transaction.commit()

        await self._act(resume)

    async def backlog(self) -> Backlog:
        """Return what waits and what has failed."""

        async def look(transaction: Writes) -> Backlog:
            (row,) = await transaction.ask(sql.BACKLOG)
            return Backlog(**dict(row))

        return await self._look(look)

    async def list_notifications(self, wanted: NotificationQuery) -> Sequence[Notification]:
        """Return notifications for an operator, the latest first."""

        async def look(transaction: Writes) -> Sequence[Notification]:
            text, values = sql.listing(wanted)
            return [row_to_notification(row) for row in await transaction.ask(text, **values)]

        return await self._look(look)

    async def find_notification(
        self, notification_id: str
    ) -> tuple[Notification, Sequence[Try]] | None:
        """Return a notification and its attempts, the oldest first; None if it is unknown."""

        async def look(transaction: Writes) -> tuple[Notification, Sequence[Try]] | None:
            rows = await transaction.ask(sql.FIND, id=notification_id)
            tries = await transaction.ask(sql.TRIES, ids=[notification_id]) if rows else ()
            return (
                (row_to_notification(rows[0]), [row_to_try(row) for row in tries]) if rows else None
            )

        return await self._look(look)

    async def tries_of(self, notification_ids: Collection[str]) -> Sequence[Try]:
        """Return all attempts to post these notifications, the oldest first."""

        async def look(transaction: Writes) -> Sequence[Try]:
            ids = list(notification_ids)
            return [row_to_try(row) for row in await transaction.ask(sql.TRIES, ids=ids)]

        return await self._look(look) if notification_ids else ()

    async def resend_notification(self, notification_id: str, *, at_ms: int) -> bool:
        """Make a notification due again, with all attempts; False if it is unknown."""

        async def resend(transaction: Writes) -> bool:
            changed = await transaction.change(sql.RESEND, id=notification_id, at_ms=at_ms)
            await transaction.commit()
            return changed == 1

        return await self._act(resend)

    async def _look(self, look: Callable[[Writes], Awaitable[T]]) -> T:
        return await self.read(lambda transaction: look(cast("Writes", transaction)))

    async def _act(self, act: Callable[[Writes], Awaitable[T]]) -> T:
        return await self.write(lambda transaction: act(cast("Writes", transaction)))


def _probe_at_ms(settled: Collection[SettledTry], known_ms: int) -> int:
    """Return when the receiver may be probed, as it asked since it last accepted one."""
    for each in sorted(settled, key=lambda each: each.tried.ended_at_ms):
        is_taken = each.tried.result is TryResult.TAKEN
        known_ms = 0 if is_taken else max(known_ms, each.not_before_ms or 0)
    return known_ms


async def _receiver_to_change(transaction: Writes) -> tuple[ReceiverState, int]:
    """Return the one row, created if missing, and locked so that replicas take turns."""
    await transaction.change(sql.ADD_RECEIVER)
    (row,) = await transaction.ask(sql.RECEIVER_TO_CHANGE)
    return row_to_receiver(row)


async def _receiver(transaction: Writes) -> tuple[ReceiverState, int]:
    rows = await transaction.ask(sql.RECEIVER)
    return row_to_receiver(rows[0]) if rows else (ReceiverState(), 0)


async def _save_receiver(transaction: Writes, receiver: ReceiverState) -> None:
    await transaction.change(sql.SAVE_RECEIVER, **asdict(receiver))
