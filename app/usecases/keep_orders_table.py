"""Keeps the orders table up to date: it follows the feed of notifications; one replica at a time.

A page of the feed becomes one upsert of the orders as they are now. The position moves on only
after the table has accepted it, so nothing is skipped; the table's versions make repeats harmless.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from app.domain.errors import StorageUnavailableError
from app.domain.moments import rfc3339
from app.domain.notifications.tries import PAUSES_S, Answer, Verdict, next_try_ms, verdict_of
from app.usecases.notification_feed import FeedPage
from app.usecases.orders_table import OrdersTable, TableState, TableStore
from app.usecases.outbox import Notification
from app.usecases.ports import Alarm, AlertName, AllClear, Clock
from app.usecases.send_notifications import Render
from app.usecases.watch_receiver import FAILING_MS

ROWS_MAX: Final = 100
POLL_S: Final = 1.0  # for what other replicas committed
LEASE_MS: Final = 40_000  # longer than the two requests of 15 s that one upsert may need
PAUSE_STEPS: Final = PAUSES_S.index(300) + 1  # 5 s, 30 s, then every 5 min

_GAP: Final = (
    "the orders table missed changes that are no longer kept; send all orders again with: "
    "altan-checkout orders-table --fill"
)


@dataclass(slots=True, kw_only=True)
class KeepOrdersTable:
    """Sends until it is cancelled; `wake` it when something was committed.

    `holder` is this process's own name, which no other one has.
    """

    store: TableStore
    render: Render
    table: OrdersTable
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
        """Send what is new, until cancelled; then let another replica continue at once."""
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
        if state.until_ms > now_ms:
            return POLL_S
        page = await self.store.feed_page(state.position, limit=ROWS_MAX)
        is_gap = page is None
        page = page or await self._oldest()
        if page.next == state.position or not await self._may_send(state, now_ms):
            return POLL_S
        answer = await self._send(page.notifications)
        if verdict_of(answer) is not Verdict.TAKEN:
            await self._keep_failure(state, answer)
            return POLL_S
        await self._keep_success(state, page)
        if is_gap:
            self.alarm(AlertName.NOTIFICATIONS_FAILING, _GAP)
        return 0 if len(page.notifications) == ROWS_MAX else POLL_S

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
        page = await self.store.feed_page(None, limit=ROWS_MAX)
        assert page is not None  # noqa: S101 what is kept has a beginning
        return page

    async def _send(self, notifications: Sequence[Notification]) -> Answer:
        try:
            documents = await self.render(notifications)
        except StorageUnavailableError:
            raise
        except Exception:  # noqa: BLE001 a defect of ours must not end this job
            return Answer(status=None, problem="was not asked: an order cannot be read")
        orders = {each["data"]["id"]: each["data"] for each in documents.values()}
        return await self.table.upsert(list(orders.values())) if orders else Answer(status=204)

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
            problem=answer.words,
        )
        await self.store.keep_table(failed)
        if since_ms is not None and now_ms - since_ms >= FAILING_MS:
            words = f"the orders table has taken nothing since {rfc3339(since_ms)}"
            self.alarm(AlertName.NOTIFICATIONS_FAILING, f"{words}; it last {answer.words}")

    async def _keep_success(self, state: TableState, page: FeedPage) -> None:
        """Move on, and let any replica send the next page: the one that commits is the first."""
        await self.store.keep_table(TableState(position=page.next, holder=self.holder))
        since_ms = state.failing_since_ms
        if since_ms is not None and self.clock.now_ms() - since_ms >= FAILING_MS:
            self.all_clear(AlertName.NOTIFICATIONS_FAILING, "the orders table takes rows again")
