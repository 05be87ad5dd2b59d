"""Keeps the orders table up to date: it follows the feed of notifications; one replica at a time.

A page of the feed becomes one upsert of the orders as they are now. The position moves on only
after the table has accepted it, so nothing is skipped; the table's versions make repeats harmless.
Orders whose rows the table refuses, or that cannot be read, are set aside and tried again later;
all others go on.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final

from app.domain.errors import StorageUnavailableError
from app.domain.moments import rfc3339
from app.domain.notifications.tries import PAUSES_S, Answer, Verdict, next_try_ms, verdict_of
from app.usecases.notification_feed import FeedPage
from app.usecases.order_document import Document
from app.usecases.orders_table import (
    ABOUT_A_ROW,
    OrdersTable,
    RefusedOrder,
    TableReport,
    TableResult,
    TableState,
    TableStore,
)
from app.usecases.orders_to_write import OrdersOf, orders_to_retry, orders_to_write, together
from app.usecases.outbox import Notification, Position
from app.usecases.ports import Alarm, AlertName, AllClear, Clock
from app.usecases.rendering import Render
from app.usecases.watch_receiver import FAILING_MS

ROWS_MAX: Final = 100
POLL_S: Final = 1.0  # for what other replicas committed
LEASE_MS: Final = 60_000  # longer than the three requests of 15 s between two renewals
ONE_BY_ONE_MAX: Final = 10  # rows of a refused page, or that were set aside, in one turn
RETRY_REFUSED_MS: Final = 300_000
PAUSE_STEPS: Final = PAUSES_S.index(300) + 1  # 5 s, 30 s, then every 5 min

# Subjects of the alert, which the receiver of notifications has, too.
TABLE: Final = "the orders table"
ROWS: Final = "rows of the orders table"
GAP: Final = "a gap in the orders table"

_TAKEN: Final = Answer(status=HTTPStatus.NO_CONTENT)
_UNREADABLE: Final = "was not asked: the order cannot be read"
_MEANWHILE: Final = "they are tried again every 5 min, and all others are written"
_GAP: Final = (
    "the orders table missed changes that are no longer kept; send all orders again with: "
    "altan-checkout orders-table --fill"
)


class _LeadLostError(Exception):
    """Another process sends now."""


@dataclass(slots=True, kw_only=True)
class KeepOrdersTable:
    """Sends until it is canceled; `wake` it when something was committed.

    `holder` is this process's own name, which no other one has.
    """

    store: TableStore
    render: Render
    orders_of: OrdersOf
    table: OrdersTable
    report: TableReport
    clock: Clock
    alarm: Alarm
    all_clear: AllClear
    holder: str
    chance: Callable[[], float] = random.random
    _news: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def wake(self) -> None:
        """Look now, not within the second."""
        self._news.set()

    async def run(self) -> None:
        """Send what is new, until canceled; then let another replica continue at once."""
        try:
            while True:
                self._news.clear()
                pause_s = POLL_S
                with contextlib.suppress(StorageUnavailableError):  # the next round tries again
                    pause_s = await self()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._news.wait()
        finally:
            with contextlib.suppress(StorageUnavailableError):
                await self.store.leave_table(self.holder)

    async def __call__(self) -> float:
        """Send one page, if there is one and it is time; return the pause in seconds.

        Raises:
            StorageUnavailableError: what was sent is not remembered, and is sent again.
        """
        now_ms = self.clock.now_ms()
        state = await self._state()
        self.report.set_aside(state.refused)
        if state.until_ms > now_ms:
            return POLL_S
        page = await self.store.table_page(state.position, limit=ROWS_MAX)
        is_gap = page is None
        page = page or await self._oldest()
        must_retry = state.retry_at_ms is not None and state.retry_at_ms <= now_ms
        if page.next == state.position and not must_retry:
            return POLL_S
        if not await self._may_send(state, now_ms):
            return POLL_S
        answer, end = _TAKEN, state.position
        try:
            if must_retry:
                answer = await self._retry_refused(state, now_ms)
                await self._keep_lead()
            if verdict_of(answer) is Verdict.TAKEN:
                answer, end = await self._send(page.notifications, state, page.next)
        except _LeadLostError:
            return POLL_S
        if verdict_of(answer) is not Verdict.TAKEN:
            await self._keep_failure(state, answer)
            return POLL_S
        await self._keep_success(state, end)
        if is_gap:
            self.alarm(AlertName.NOTIFICATIONS_FAILING, _GAP, subject=GAP)
        is_more_waiting = end != page.next or len(page.notifications) == ROWS_MAX
        return 0 if is_more_waiting else POLL_S

    async def _may_send(self, state: TableState, now_ms: int) -> bool:
        return await self.store.lead_table(
            self.holder, state.position, now_ms=now_ms, until_ms=now_ms + LEASE_MS
        )

    async def _state(self) -> TableState:
        """The state; at the first start, what changed before is left out."""
        state = await self.store.table_state()
        while state is None:
            await self.store.begin_table((await self.store.feed_tip()).position)
            state = await self.store.table_state()
        return state

    async def _oldest(self) -> FeedPage:
        page = await self.store.table_page(None, limit=ROWS_MAX)
        assert page is not None  # noqa: S101 what is kept has a beginning
        return page

    async def _send(
        self, notifications: Sequence[Notification], state: TableState, end: Position
    ) -> tuple[Answer, Position]:
        """Send a page's orders; return the answer, and up to where the page was written."""
        found = await orders_to_write(self.render, notifications)
        page = together(found)
        answer = await self._upsert(list(page.orders.values())) if page.orders else _TAKEN
        if answer.status in ABOUT_A_ROW and await self.table.fits():
            page = together(found[:ONE_BY_ONE_MAX])
            end = notifications[:ONE_BY_ONE_MAX][-1].position
            answer = await self._send_one_by_one(page.orders, state)
        elif verdict_of(answer) is Verdict.TAKEN:
            await self._forget(list(page.orders), state)
        if verdict_of(answer) is Verdict.TAKEN and page.unreadable:
            await self._set_unreadable_aside(page.unreadable)
            message = _unreadable_text(page.unreadable)
            self.alarm(AlertName.NOTIFICATIONS_FAILING, message, subject=ROWS)
        return answer, end

    async def _send_one_by_one(self, orders: Mapping[str, Document], state: TableState) -> Answer:
        """Send these orders singly, and set aside those that are refused."""
        answer, refused = await self._try_each(list(orders.values()), state)
        if refused:
            self.alarm(
                AlertName.NOTIFICATIONS_FAILING,
                f"the orders table {refused[0].problem} to the row of {refused[0].order_id}; "
                f"{len(refused)} set aside: {_MEANWHILE}",
                subject=ROWS,
            )
        return answer

    async def _retry_refused(self, state: TableState, now_ms: int) -> Answer:
        """Try again some of the orders that are set aside; where the table fails, later."""
        due = await self.store.refused_orders(now_ms=now_ms, limit=ONE_BY_ONE_MAX)
        found = await orders_to_retry(self.orders_of, due)
        await self._set_unreadable_aside(found.unreadable)
        await self._forget(found.gone, state)
        answer, _ = await self._try_each(list(found.orders.values()), state)
        if verdict_of(answer) is not Verdict.TAKEN:
            await self._set_aside(
                await self.store.refused_orders(now_ms=now_ms, limit=ONE_BY_ONE_MAX)
            )
        return answer

    async def _try_each(
        self, orders: Sequence[Document], state: TableState
    ) -> tuple[Answer, list[RefusedOrder]]:
        """Send each alone until the table fails; return that answer, and which were refused."""
        taken, refused, answer = list[str](), list[RefusedOrder](), _TAKEN
        for order in orders:
            await self._keep_lead()
            answer = await self._upsert([order])
            if verdict_of(answer) is Verdict.TAKEN:
                taken.append(order["id"])
            elif answer.status in ABOUT_A_ROW:
                refused.append(
                    RefusedOrder(
                        order_id=order["id"], session_id=order["session_id"], problem=answer.message
                    )
                )
                answer = _TAKEN
            else:
                break
        await self._set_aside(refused)
        await self._forget(taken, state)
        return answer, refused

    async def _keep_lead(self) -> None:
        """Renew the lease before another request.

        Raises:
            _LeadLostError: it ended, and another process has taken it.
        """
        until_ms = self.clock.now_ms() + LEASE_MS
        if not await self.store.keep_lead(self.holder, until_ms=until_ms):
            raise _LeadLostError

    async def _set_unreadable_aside(self, unreadable: Mapping[str, str]) -> None:
        await self._set_aside(
            [
                RefusedOrder(order_id=id_, session_id=session_id, problem=_UNREADABLE)
                for id_, session_id in unreadable.items()
            ]
        )

    async def _set_aside(self, refused: Sequence[RefusedOrder]) -> None:
        now_ms = self.clock.now_ms()
        await self.store.set_aside(refused, now_ms=now_ms, due_ms=now_ms + RETRY_REFUSED_MS)

    async def _forget(self, order_ids: Sequence[str], state: TableState) -> None:
        """These are set aside no longer; if none is left, the table takes all rows again."""
        if not state.refused or not order_ids:
            return
        await self.store.forget_refused(order_ids)
        if not (await self._state()).refused:
            message = "the orders table takes all rows again"
            self.all_clear(AlertName.NOTIFICATIONS_FAILING, message, subject=ROWS)

    async def _upsert(self, orders: Sequence[Document]) -> Answer:
        answer = await self.table.upsert(orders)
        is_taken = verdict_of(answer) is Verdict.TAKEN
        is_refused = answer.status in ABOUT_A_ROW
        result = TableResult.REFUSED if is_refused else TableResult.FAILED
        self.report.rows(TableResult.TAKEN if is_taken else result, len(orders))
        return answer

    async def _keep_failure(self, state: TableState, answer: Answer) -> None:
        """Remember a failure; the lease lasts until the next try, so that no replica is earlier."""
        now_ms, since_ms = self.clock.now_ms(), state.failing_since_ms
        failures = state.failures + 1
        step = min(failures, PAUSE_STEPS)
        until_ms = next_try_ms(step, answer, now_ms=now_ms, chance=self.chance())
        assert until_ms is not None  # noqa: S101 none of these steps is the last
        failed = replace(
            state,
            holder=self.holder,
            until_ms=until_ms,
            failures=failures,
            failing_since_ms=now_ms if since_ms is None else since_ms,
            problem=answer.message,
        )
        await self.store.keep_table(failed)
        if since_ms is not None and now_ms - since_ms >= FAILING_MS:
            since = f"the orders table has taken nothing since {rfc3339(since_ms)}"
            message = f"{since}; it last {answer.message}"
            self.alarm(AlertName.NOTIFICATIONS_FAILING, message, subject=TABLE)

    async def _keep_success(self, state: TableState, position: Position) -> None:
        """Move on, and let any replica send the next page: the one that commits is the first."""
        await self.store.keep_table(TableState(position=position, holder=self.holder))
        since_ms = state.failing_since_ms
        if since_ms is not None and self.clock.now_ms() - since_ms >= FAILING_MS:
            message = "the orders table takes rows again"
            self.all_clear(AlertName.NOTIFICATIONS_FAILING, message, subject=TABLE)


def _unreadable_text(unreadable: Mapping[str, str]) -> str:
    return (
        f"the order {min(unreadable)} cannot be read, so the orders table does not have it; "
        f"{len(unreadable)} set aside: {_MEANWHILE}. This is a defect of this service"
    )
