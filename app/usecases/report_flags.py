"""Alerts the owner of each new flag once, after the commit that caused it, in the background.

Reported flags are stored, so that only one replica reports them, and none after a restart. Flags
that a process could not report before it ended are found by another one that checks all flagged
orders.
"""

import asyncio
import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from app.domain.checkout.cart import Mode
from app.domain.errors import StorageUnavailableError
from app.domain.fold.records import Payment
from app.domain.notifications.notices import flagged
from app.domain.notifications.notification import NewNotification, notifications
from app.domain.payments.flags import Flag, Flags, needs_a_person
from app.usecases.flag_memory import FlagMemory, ReportedCause
from app.usecases.flag_texts import flag_text, summary_text
from app.usecases.load_orders import load_orders, whole
from app.usecases.order_candidates import CANDIDATES_MAX, sessions_of_events
from app.usecases.order_document import Order, order_of
from app.usecases.order_flags import KEPT_MONEY, by_flag
from app.usecases.orders import FlagCause, OrderBook
from app.usecases.ports import Alarm, AlertName, Clock

EVERY_S: Final = 60.0  # for flags that another process did not report
SINCE_MS: Final = 3 * 24 * 60 * 60 * 1000  # a session ends after 24 h, and a restart takes a while
PAUSE_S: Final = 0.2  # so that many changes are checked together
PAGE: Final = 200
REPORTED_SINGLY_MAX: Final = 5  # more than this are one message
CHANGED_MAX: Final = 10_000  # while the database cannot be read; the others are found later

# These have alerts already: price_mismatch, payment_contradicted and event_fold_failed.
_REPORTED_BY_OTHERS: Final = frozenset({Flag.PRICE_MISMATCH, Flag.CONTRADICTED, Flag.EVENT_FAILED})
_NOT_OF_ONE_PAYMENT: Final = frozenset({Flag.PAID_TWICE, Flag.EVENT_FAILED})


@dataclass(slots=True, kw_only=True)
class ReportFlags:
    """Is called with changed payments, and checks their orders.

    `_suspects` are sessions whose orders may be flagged for what they say themselves, `_paid` those
    that may be the second payment of one order; each with the checkout that its URL names.
    """

    memory: FlagMemory
    clock: Clock
    alarm: Alarm
    note: Alarm
    every_s: float = EVERY_S
    _suspects: dict[str, str | None] = field(default_factory=dict)
    _paid: dict[str, str | None] = field(default_factory=dict)
    _has_news: asyncio.Event = field(default_factory=asyncio.Event)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def changed(self, payments: Collection[Payment]) -> None:
        """Note committed payments whose order may be flagged."""
        for payment in payments:
            facts = payment.facts
            is_suspect = (
                payment.price_mismatch
                or needs_a_person(facts)
                or facts.mode is Mode.SUBSCRIPTION  # its renewals are stored separately
                or facts.recovered_from is not None
            )
            kind = self._suspects if is_suspect else self._paid
            if (is_suspect or facts.status in KEPT_MONEY) and len(kind) < CHANGED_MAX:
                kind[payment.session_id] = facts.checkout_id
                self._has_news.set()

    async def run(self) -> None:
        """Report new flags until canceled."""
        loop, sweep_at_s, after = asyncio.get_running_loop(), 0.0, ""
        while True:
            with contextlib.suppress(StorageUnavailableError):  # already reported
                await self()
                if loop.time() >= sweep_at_s:
                    sweep_at_s = loop.time() + self.every_s  # one that fails waits for its turn too
                    after = await self.sweep(after)
                    sweep_at_s = 0.0 if after else sweep_at_s
            await asyncio.sleep(PAUSE_S)
            if not sweep_at_s:
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(sweep_at_s - loop.time(), 0.0)):
                    await self._has_news.wait()

    async def __call__(self) -> None:
        """Report new flags of all payments that changed before this call.

        Raises:
            StorageUnavailableError: nothing was reported; it is tried again.
        """
        async with self._turn:
            await self._check_changed()

    async def _check_changed(self) -> None:
        self._has_news.clear()
        suspects, self._suspects = self._suspects, {}
        paid, self._paid = self._paid, {}
        if not suspects and not paid:
            return

        async def look(book: OrderBook) -> list[Order]:
            twins = await book.checkouts_with_twins(list(paid), _known(paid))
            return await _orders(book, list(suspects), twins)

        try:
            await self._report(await self.memory.read_orders(look))
        except StorageUnavailableError:
            self._suspects, self._paid = suspects | self._suspects, paid | self._paid
            raise

    async def sweep(self, after: str) -> str:
        """Report unreported flags of the next sessions; return where to continue, empty at the end.

        Raises:
            StorageUnavailableError: try again from `after`.
        """

        async def look(book: OrderBook) -> tuple[list[Order], str]:
            page = await book.flagged_sessions(after=after, limit=PAGE)
            session_ids, twins = set(page), []
            if not after:
                failed = await book.failed_events(limit=PAGE)
                session_ids |= await sessions_of_events(book, failed)
                since_ms = self.clock.now_ms() - SINCE_MS
                twins = [*await book.paid_twins(since_ms=since_ms, limit=CANDIDATES_MAX)]
            return await _orders(book, session_ids, twins), page[-1] if len(page) == PAGE else ""

        orders, go_on = await self.memory.read_orders(look)
        await self._report(orders)
        return go_on

    async def _report(self, orders: Sequence[Order]) -> None:
        reported = [each for order in orders for each in _causes(order, self.clock.now_ms())]
        if not reported:
            return
        new: dict[str, list[FlagCause]] = {}
        for cause in await self.memory.report_flags(reported):
            new.setdefault(cause.order_id, []).append(cause)
        flagged = [(each, by_flag(new[each.id])) for each in orders if each.id in new]
        for order, flags in flagged:
            for flag in _REPORTED_BY_OTHERS & flags.keys():
                self.note(AlertName.ORDER_FLAGGED, flag_text(order, flag, flags[flag]))
        self._alert(
            [(order, flags) for order, flags in flagged if flags.keys() - _REPORTED_BY_OTHERS]
        )

    def _alert(self, flagged: Sequence[tuple[Order, Flags]]) -> None:
        is_much = len(flagged) > REPORTED_SINGLY_MAX
        if is_much:
            self.alarm(AlertName.ORDER_FLAGGED, summary_text([order for order, _ in flagged]))
        for order, flags in flagged:
            for flag in flags.keys() - _REPORTED_BY_OTHERS:
                alert = self.note if is_much else self.alarm
                alert(AlertName.ORDER_FLAGGED, flag_text(order, flag, flags[flag]))


async def _orders(
    book: OrderBook, session_ids: Collection[str], checkout_ids: Collection[str]
) -> list[Order]:
    """Return these orders, and those that were paid twice together with one of them."""
    loaded = await whole(book, await load_orders(book, session_ids, checkout_ids))
    orders = [order_of(each) for each in loaded]
    known = {order.id for order in orders}
    twins = {id_ for order in orders for id_ in order.flags.get(Flag.PAID_TWICE, ())} - known
    more = await whole(book, await load_orders(book, (), twins))
    return orders + [order_of(each) for each in more]


def _causes(order: Order, now_ms: int) -> list[ReportedCause]:
    """Return unreported causes of an order's flags, and when to remind of those with a deadline."""

    def remind_at_ms(flag: Flag, cause: str) -> int | None:
        due_s = order.deadlines_s.get(cause) if flag is Flag.DISPUTED else None
        return None if due_s is None else half_way_ms(now_ms, due_s)

    return [
        ReportedCause(
            cause=FlagCause(order_id=order.id, flag=flag, cause=cause),
            told_at_ms=now_ms,
            remind_at_ms=remind_at_ms(flag, cause),
            notification=_notification(order, flag, cause, now_ms),
        )
        for flag, causes in order.unreported.items()
        for cause in causes
    ]


def _notification(order: Order, flag: Flag, cause: str, now_ms: int) -> NewNotification | None:
    """Return what is told of a flag that does not follow from one payment alone."""
    if flag not in _NOT_OF_ONE_PAYMENT:
        return None
    (notification,) = notifications(
        [flagged(flag, cause)], session_id=order.session_id, order_id=order.id, at_ms=now_ms
    )
    return notification


def half_way_ms(from_ms: int, due_s: int) -> int | None:
    """Return when half of the time to a deadline has passed; None if it is over."""
    return (from_ms + due_s * 1000) // 2 if due_s * 1000 > from_ms else None


def _known(named: dict[str, str | None]) -> list[str]:
    return [checkout_id for checkout_id in named.values() if checkout_id]
