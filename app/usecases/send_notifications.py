"""Sends the outbox's notifications to the shop's receiver: at least once, in order for each order.

Any replica may send. No other one sends what it has leased until the lease ends, so another replica
takes over after a crash.
"""

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from app.domain.errors import RowsRefusedError, StorageUnavailableError
from app.domain.fold.reasons import reason_of
from app.domain.notifications.tries import Answer, Verdict, next_try_ms, verdict_of
from app.usecases.notification_tries import SettledTry, Try, TryResult
from app.usecases.order_document import Document
from app.usecases.outbox import Notification, Outbox
from app.usecases.ports import Clock
from app.usecases.receiver_state import PauseReason
from app.usecases.rendering import Render, documents_or_defects
from app.usecases.sending_pace import Pace

HELD_MAX: Final = 120  # leased and read together, sent in sequence
LEASE_MS: Final = 28_000  # so a crashed replica's notifications are sent within 30 s
TRY_MS: Final = 16_000  # a lease must have this much left for an attempt
PROBE_EVERY_MS: Final = 10_000
POLL_S: Final = 1.0  # for other replicas' commits, and for retries
HEED_EVERY_S: Final = 0.5  # how often to look whether the sending was paused, while any wait
GATHER_S: Final = 0.01  # so that simultaneous commits or results share a transaction
# Payments changed by one commit: with this many, Stripe's webhooks wait for one another. They come
# first, because Stripe retries a late one after hours, and a notification waits for a moment.
CROWD: Final = 4
CALM_S: Final = 0.05  # without a crowd
GIVE_WAY_S: Final = 1.0  # at most, for each lease
# For running attempts, from the moment that the process is told to stop. Enough for a receiver that
# works; what is cut off is sent again with the same id.
GRACE_S: Final = 2.0


class NotificationReceiver(Protocol):
    """The shop's receiver."""

    async def post(self, notification_id: str, document: Document) -> Answer:
        """Make one attempt, limited in time; never raises."""
        ...


class SendingReport(Protocol):
    """Is called for each attempt. Never fails, never waits."""

    def __call__(self, notification: Notification, tried: Try) -> None:
        """Count it, and alert the owner if it was the last one."""
        ...

    def defect(self, notification_id: str, error: Exception) -> None:
        """Log a defect of ours that kept it from being sent, or its result from being written."""
        ...


class SendNotifications:
    """Sends until canceled; call `wake` after a commit.

    While many webhooks arrive at once, it leases at most `HELD_MAX` notifications a second.
    """

    def __init__(  # noqa: PLR0913 what it sends, from where, and who hears of it
        self,
        *,
        outbox: Outbox,
        render: Render,
        receiver: NotificationReceiver,
        clock: Clock,
        report: SendingReport,
        chance: Callable[[], float] = random.random,
        monotonic_s: Callable[[], float] = time.monotonic,
        grace_s: float = GRACE_S,
    ) -> None:
        self._outbox = outbox
        self._render = render
        self._receiver = receiver
        self._clock = clock
        self._report = report
        self._chance = chance
        self._monotonic_s = monotonic_s
        self._grace_s = grace_s
        self._news = asyncio.Event()
        self._pace = Pace()
        self._waiting: deque[tuple[Notification, Document | Exception]] = deque()  # for their turn
        self._under_way: dict[asyncio.Task[None], Notification] = {}
        self._ended: list[SettledTry] = []
        self._unused: list[Notification] = []
        self._heeded_at_s = 0.0
        self._is_gone = False
        self._is_stopping = False
        self._stopped_at_ms = 0
        self._crowded_until_s = 0.0

    def wake(self, changed: int = 1) -> None:
        """Check now instead of within the second: a commit changed this many payments."""
        if changed >= CROWD:
            self._crowded_until_s = self._monotonic_s() + CALM_S
        self._news.set()

    def stop(self) -> None:
        """Start no more attempts, because the process is about to stop."""
        if not self._is_stopping:
            self._stopped_at_ms = self._clock.now_ms()
        self._is_stopping = True
        self._hold_back()

    async def run(self) -> None:
        """Send what is due until canceled; then finish running attempts. A bug allows a new run."""
        try:
            while True:
                self._news.clear()
                with contextlib.suppress(StorageUnavailableError):  # the next round tries again
                    await self._settle()
                    await self._heed()
                    await self._give_way()
                    await self._take_more()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await self._news.wait()
                await asyncio.sleep(GATHER_S)
        except asyncio.CancelledError:
            await self._end()
            raise

    async def _give_way(self) -> None:
        """Wait until no crowd of webhooks is being committed, for a limited time."""
        give_up_at_s = self._monotonic_s() + GIVE_WAY_S
        while self._monotonic_s() < min(self._crowded_until_s, give_up_at_s):  # noqa: ASYNC110 a crowd ends without an event
            await asyncio.sleep(GATHER_S)

    async def _heed(self) -> None:
        """Return what has not started if somebody, or another replica, stopped the sending."""
        if not self._waiting or self._monotonic_s() < self._heeded_at_s + HEED_EVERY_S:
            return
        self._heeded_at_s = self._monotonic_s()
        state = await self._outbox.receiver()
        if state.is_paused or state.is_only_probed:
            self._pace.slow_down()
            self._hold_back()

    async def _take_more(self) -> None:
        """Lease due notifications, as far as there is room, and start sending them."""
        room = HELD_MAX - len(self._waiting) - len(self._under_way)
        if self._is_stopping or room < HELD_MAX // 2:
            return
        now_ms = self._clock.now_ms()
        due_at_ms = await self._outbox.next_due_ms()
        if due_at_ms is None or due_at_ms > now_ms:
            return
        leased = await self._outbox.lease_notifications(
            now_ms=now_ms, limit=room, lease_ms=LEASE_MS, probe_every_ms=PROBE_EVERY_MS
        )
        try:
            documents = await documents_or_defects(self._render, leased)
        except StorageUnavailableError:
            self._unused += leased
            raise
        self._waiting += zip(leased, documents, strict=True)
        self._start()

    def _start(self) -> None:
        """Start attempts, as far as there is room."""
        while self._waiting and len(self._under_way) < self._pace.at_once:
            notification, document = self._waiting.popleft()
            lasts_until_ms = self._clock.now_ms() + TRY_MS
            if self._is_stopping or lasts_until_ms > (notification.leased_until_ms or 0):
                self._unused.append(notification)
                continue
            task = asyncio.create_task(self._send(notification, document))
            self._under_way[task] = notification
            task.add_done_callback(self._forget)

    async def _send(self, notification: Notification, document: Document | Exception) -> None:
        began_ms = self._clock.now_ms()
        answer = await self._answer(notification, document)
        self._keep(notification, answer, began_ms=began_ms)

    async def _answer(self, notification: Notification, document: Document | Exception) -> Answer:
        """Make one attempt; a defect of ours must not end the sending."""
        if isinstance(document, Exception):
            self._report.defect(notification.id, document)
            problem = "was not asked: the order cannot be read"
            return Answer(status=None, problem=problem, is_defect=True)
        try:
            return await self._receiver.post(notification.id, document)
        except Exception as error:  # noqa: BLE001 it is logged
            self._report.defect(notification.id, error)
            problem = f"was not reached: {reason_of(error)}"
            return Answer(status=None, problem=problem, is_defect=True)

    def _keep(self, notification: Notification, answer: Answer, *, began_ms: int) -> None:
        """Store an attempt's result for the next transaction."""
        now_ms = self._clock.now_ms()
        verdict, asked_s = verdict_of(answer), answer.retry_after_s
        is_ahead = notification.is_ahead(began_ms)
        due_at_ms = self._due_again_ms(notification, answer, now_ms, is_ahead=is_ahead)
        tried = Try(
            notification_id=notification.id,
            at_ms=began_ms,
            duration_ms=now_ms - began_ms,
            http_status=answer.status,
            problem=answer.problem,
            result=_result(verdict, due_at_ms),
        )
        self._ended.append(
            SettledTry(
                tried=tried,
                leased_until_ms=notification.leased_until_ms or 0,
                due_at_ms=due_at_ms,
                not_before_ms=None if asked_s is None else now_ms + asked_s * 1000,
                planned_at_ms=notification.planned_at_ms if verdict is Verdict.GONE else None,
                is_about_receiver=not answer.is_defect,
                is_counted=verdict is Verdict.TAKEN or not (is_ahead or verdict is Verdict.GONE),
            )
        )
        self._report(notification, tried)
        self._judge(answer)

    def _due_again_ms(
        self, notification: Notification, answer: Answer, now_ms: int, *, is_ahead: bool
    ) -> int | None:
        """Return when to retry; None if it was accepted, or this was the last attempt."""
        verdict = verdict_of(answer)
        if verdict is Verdict.GONE:
            return now_ms  # it waits like all others until somebody resumes
        if verdict is Verdict.TAKEN:
            return None
        if is_ahead:  # its schedule goes on as if this attempt had not been made
            return max(notification.planned_at_ms or 0, now_ms + (answer.retry_after_s or 0) * 1000)
        failures = notification.attempts + 1
        return next_try_ms(failures, answer, now_ms=now_ms, chance=self._chance())

    def _judge(self, answer: Answer) -> None:
        """Hold back what has not started, because the receiver does not accept it."""
        if verdict_of(answer) is Verdict.TAKEN:
            self._pace.taken()
        elif not answer.is_defect:
            self._is_gone = self._is_gone or verdict_of(answer) is Verdict.GONE
            if self._pace.failed() or self._is_gone:
                self._hold_back()

    def _hold_back(self) -> None:
        self._unused += [notification for notification, _ in self._waiting]
        self._waiting.clear()
        self._news.set()

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._under_way.pop(task, None)
        self._start()
        self._news.set()

    async def _settle(self) -> None:
        """Write the results of attempts, and return what was not attempted."""
        if self._is_gone:  # while the attempt is leased, so that nobody else sends it in between
            await self._outbox.pause_notifications(PauseReason.GONE, at_ms=self._clock.now_ms())
            self._is_gone = False
        ended, unused = self._ended[:], self._unused[:]
        try:
            await self._outbox.settle_tries(ended)
            del self._ended[: len(ended)]
        except RowsRefusedError:
            for each in ended:
                await self._settle_alone(each)
        await self._outbox.release_notifications(unused)
        del self._unused[: len(unused)]

    async def _settle_alone(self, settled: SettledTry) -> None:
        """Write one result; if it is refused, its lease ends by itself, and it is sent again."""
        try:
            await self._outbox.settle_tries([settled])
        except RowsRefusedError as error:
            self._report.defect(settled.tried.notification_id, error)
        self._ended.remove(settled)

    async def _end(self) -> None:
        """Finish running attempts; interrupted ones do not count, and are due at once."""
        self.stop()
        if self._under_way:
            passed_s = max(0, self._clock.now_ms() - self._stopped_at_ms) / 1000
            await asyncio.wait(self._under_way, timeout=max(0.0, self._grace_s - passed_s))
        cut_off = dict(self._under_way)
        self._unused += cut_off.values()
        for task in cut_off:
            task.cancel()
        await asyncio.gather(*cut_off, return_exceptions=True)
        with contextlib.suppress(StorageUnavailableError):  # then the leases end by themselves
            await self._settle()


def _result(verdict: Verdict, due_at_ms: int | None) -> TryResult:
    if verdict is Verdict.TAKEN:
        return TryResult.TAKEN
    return TryResult.AGAIN if due_at_ms is not None else TryResult.FAILED
