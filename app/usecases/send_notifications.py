"""Sends the outbox's notifications to the shop's receiver: at least once, in order for each order.

Any replica may send. No other one sends what it has leased until the lease ends, so another replica
takes over after a crash.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

from app.domain.errors import StorageUnavailableError
from app.domain.fold.reasons import reason_of
from app.domain.notifications.tries import Answer, Verdict, next_try_ms, verdict_of
from app.usecases.notification_tries import SettledTry, Try, TryResult
from app.usecases.order_document import Document
from app.usecases.outbox import Notification, Outbox
from app.usecases.ports import Clock
from app.usecases.receiver_state import FAILURES_MAX, PauseReason

AT_ONCE: Final = 10
HELD_MAX: Final = 120  # leased and read together, sent in sequence
LEASE_MS: Final = 28_000  # so a crashed replica's notifications are sent within 30 s
TRY_MS: Final = 16_000  # a lease must have this much left for an attempt
PROBE_EVERY_MS: Final = 10_000
POLL_S: Final = 1.0  # for other replicas' commits, and for retries
GATHER_S: Final = 0.01  # so that simultaneous commits or results share a transaction
# Payments changed by one commit: with this many, Stripe's webhooks wait for one another. They come
# first, because Stripe retries a late one after hours, and a notification waits for a moment.
CROWD: Final = 4
CALM_S: Final = 0.05  # without a crowd
GIVE_WAY_S: Final = 1.0  # at most, for each lease
# For running attempts, from the moment that the process is told to stop. Enough for a receiver that
# works; what is cut off is sent again with the same id.
GRACE_S: Final = 2.0

Render = Callable[[Sequence[Notification]], Awaitable[Mapping[str, Document]]]
"""Reads the documents of notifications, by their ids."""


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
        self._places = asyncio.Semaphore(AT_ONCE)
        self._waiting: dict[asyncio.Task[None], Notification] = {}  # for a place
        self._under_way: dict[asyncio.Task[None], Notification] = {}
        self._ended: list[SettledTry] = []
        self._unused: list[Notification] = []
        self._failures = 0  # consecutive, in this process
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
        """Send what is due until canceled; then finish running attempts."""
        try:
            while True:
                self._news.clear()
                with contextlib.suppress(StorageUnavailableError):  # the next round tries again
                    await self._settle()
                    await self._give_way()
                    await self._take_more()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await self._news.wait()
                await asyncio.sleep(GATHER_S)
        finally:
            await self._end()

    async def _give_way(self) -> None:
        """Wait until no crowd of webhooks is being committed, for a limited time."""
        give_up_at_s = self._monotonic_s() + GIVE_WAY_S
        while self._monotonic_s() < min(self._crowded_until_s, give_up_at_s):  # noqa: ASYNC110 a crowd ends without an event
            await asyncio.sleep(GATHER_S)

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
            documents = await self._documents(leased) if leased else {}
        except StorageUnavailableError:
            self._unused += leased
            raise
        for each in leased:
            task = asyncio.create_task(self._send(each, documents.get(each.id)))
            self._waiting[task] = each
            task.add_done_callback(self._forget)

    async def _documents(self, leased: Sequence[Notification]) -> Mapping[str, Document]:
        """Read all documents together; if one fails, send the others."""
        try:
            return await self._render(leased)
        except StorageUnavailableError:
            raise
        except Exception:  # noqa: BLE001 one of them has it; alone, it fails alone
            if len(leased) == 1:
                return {}
            return {k: v for each in leased for k, v in (await self._documents([each])).items()}

    async def _send(self, notification: Notification, document: Document | None) -> None:
        async with self._places:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 it runs as one
            del self._waiting[task]
            now_ms = self._clock.now_ms()
            if self._is_stopping or now_ms + TRY_MS > (notification.leased_until_ms or 0):
                self._unused.append(notification)
                return
            self._under_way[task] = notification
            answer = await self._answer(notification, document)
            self._keep(notification, answer, began_ms=now_ms)

    async def _answer(self, notification: Notification, document: Document | None) -> Answer:
        if document is None:
            return Answer(status=None, problem="was not asked: the order cannot be read")
        try:
            return await self._receiver.post(notification.id, document)
        except Exception as error:  # noqa: BLE001 a defect of ours must not end the sending
            return Answer(status=None, problem=f"was not reached: {reason_of(error)}")

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
                is_counted=verdict is Verdict.TAKEN or not (is_ahead or verdict is Verdict.GONE),
            )
        )
        self._report(notification, tried)
        self._judge(verdict)

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

    def _judge(self, verdict: Verdict) -> None:
        """Hold back what has not started, because the receiver does not accept it."""
        self._failures = 0 if verdict is Verdict.TAKEN else self._failures + 1
        if verdict is Verdict.GONE:
            self._is_gone = True
        if self._is_gone or self._failures >= FAILURES_MAX:
            self._failures = 0
            self._hold_back()

    def _hold_back(self) -> None:
        for task, notification in list(self._waiting.items()):
            del self._waiting[task]
            self._unused.append(notification)
            task.cancel()
        self._news.set()

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._under_way.pop(task, None)
        self._news.set()

    async def _settle(self) -> None:
        """Write the results of attempts, and return what was not attempted."""
        if (
            self._is_gone
        ):  # before the attempt's lease ends, so that nobody else sends it in between
            await self._outbox.pause_notifications(PauseReason.GONE, at_ms=self._clock.now_ms())
            self._is_gone = False
        ended, unused = self._ended[:], self._unused[:]
        await self._outbox.settle_tries(ended)
        del self._ended[: len(ended)]
        await self._outbox.release_notifications(unused)
        del self._unused[: len(unused)]

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
