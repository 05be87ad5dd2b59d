"""Sends events to the service's webhook endpoint and retries until it answers 2xx.

It owns the retry schedule, the signatures' timestamps and the record of every attempt, but not
the events' content.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import httpx
import orjson

from sandbox.stripe.delivery import Attempt, Delivery, DeliveryState
from sandbox.stripe.events import Event, build_notice
from sandbox.stripe.signing import sign
from sandbox.stripe.trouble import Trouble

DELIVERIES_MAX = 1000  # then the oldest is forgotten; holds for attempts, too
ANSWER_BYTES_MAX = 64 * 1024  # Stripe ignores the body; reading more of it is wasteful
OUTCOME_CHARACTERS_MAX = 100
USER_AGENT = "Stripe/1.0 (+https://stripe.com/docs/webhooks)"


@dataclass(frozen=True, slots=True)
class _Answer:
    status_code: int | None = None
    outcome: str | None = None
    error: str | None = None


class Deliveries:
    """The latest deliveries and the tasks that send them."""

    def __init__(  # noqa: PLR0913 - all keyword-only, put together in one place
        self,
        *,
        client: httpx.AsyncClient,
        url: str,
        secret: str,
        retry_delays_s: Sequence[float],
        attempt_s: float,
        clock: Callable[[], float] = time.time,
        limit: int = DELIVERIES_MAX,
    ) -> None:
        self._client = client
        self._url = url
        self._secret = secret
        self._retry_delays_s = retry_delays_s
        self._attempt_s = attempt_s
        self._clock = clock
        self._limit = limit
        self.attempts: deque[Attempt] = deque(maxlen=limit)
        """The latest attempts of all events, in the order they ended."""
        self._by_event_id: dict[str, Delivery] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Delivery]:
        """Yield the newest delivery first."""
        return reversed(self._by_event_id.values())

    def get(self, event_id: str) -> Delivery | None:
        """Return the event's delivery, or None if it is unknown or forgotten."""
        return self._by_event_id.get(event_id)

    def of_session(self, session_id: str) -> list[Delivery]:
        """Return a session's deliveries, the oldest first."""
        return [d for d in self._by_event_id.values() if d.event.session_id == session_id]

    def schedule(self, events: Iterable[Event], trouble: Trouble) -> list[Delivery]:
        """Schedule one act's events as `trouble` says; returns immediately."""
        state = DeliveryState.WITHHELD if trouble.withhold else DeliveryState.PENDING
        batch = [Delivery(event=event, state=state) for event in events]
        for delivery in batch:
            self._enter(delivery)
        if not trouble.withhold:
            self._spawn(self._send_batch(batch, trouble))
        return batch

    async def resend(self, delivery: Delivery) -> Attempt:
        """Send the event again now, also if it was withheld."""
        attempt = await self._attempt(delivery)
        if not attempt.succeeded and delivery.state is DeliveryState.WITHHELD:
            delivery.state = DeliveryState.PENDING
            self._spawn(self._retry(delivery))
        return attempt

    def lose(self, delivery: Delivery) -> bool:
        """Never send the event by itself again; return False if that is not possible any more."""
        if not delivery.can_be_lost:
            return False
        delivery.state = DeliveryState.LOST
        delivery.forgotten.set()
        return True

    def unmake(self, delivery: Delivery) -> bool:
        """Send a notice that the event cannot be made instead; False if it was made already."""
        if not delivery.can_be_unmade:
            return False
        delivery.state = DeliveryState.NEVER_MADE
        delivery.forgotten.set()
        self.schedule([build_notice(delivery.event, created=self._clock())], Trouble())
        return True

    async def close(self) -> None:
        """Cancel all pending and running deliveries."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _enter(self, delivery: Delivery) -> None:
        self._by_event_id[delivery.event.id] = delivery
        if len(self._by_event_id) > self._limit:
            oldest = next(iter(self._by_event_id))
            self._by_event_id.pop(oldest).forgotten.set()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        # The event loop holds weak references only: without this set, a task could be collected.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_batch(self, batch: list[Delivery], trouble: Trouble) -> None:
        """Send each event once, in order; its copies concurrently, to provoke races."""
        if await _pause(batch, trouble.delay_s):
            return
        for delivery in reversed(batch) if trouble.reverse else batch:
            copies = (self._attempt(delivery) for _ in range(trouble.duplicate))
            for attempt in await asyncio.gather(*copies):
                if not attempt.succeeded:
                    self._spawn(self._retry(delivery))

    async def _retry(self, delivery: Delivery) -> None:
        for delay_s in self._retry_delays_s:
            if await _pause([delivery], delay_s):
                return
            if (await self._attempt(delivery)).succeeded:
                return
        if delivery.state is DeliveryState.PENDING:
            delivery.state = DeliveryState.FAILED

    async def _attempt(self, delivery: Delivery) -> Attempt:
        delivery.started += 1
        number, at = delivery.started, int(self._clock())
        begun = time.perf_counter()
        answer = await self._post(delivery.event.body, at)
        attempt = Attempt(
            event_id=delivery.event.id,
            event_type=delivery.event.type,
            number=number,
            at=at,
            status_code=answer.status_code,
            outcome=answer.outcome,
            error=answer.error,
            elapsed_ms=round((time.perf_counter() - begun) * 1000, 1),
        )
        delivery.attempts.append(attempt)
        self.attempts.append(attempt)
        if attempt.succeeded:
            delivery.state = DeliveryState.DELIVERED
        delivery.answered.set()
        return attempt

    async def _post(self, body: bytes, at: int) -> _Answer:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": sign(body, secret=self._secret, at=at),
            "User-Agent": USER_AGENT,
        }
        try:
            async with self._client.stream(
                "POST", self._url, content=body, headers=headers, timeout=self._attempt_s
            ) as response:
                answer_body = await _drain(response, time.monotonic() + self._attempt_s)
                return _Answer(response.status_code, outcome=_outcome(answer_body))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return _Answer(error=f"{type(error).__name__}: {error}")


async def _drain(response: httpx.Response, deadline: float) -> bytes:
    """Read a limited part of the response, so that its connection can be reused.

    The deadline is checked between chunks instead of by cancelling the read, because httpx's
    connection pool does not survive cancellation (httpcore#1093).
    """
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("The response took too long.")
        if len(body) > ANSWER_BYTES_MAX:
            break
    return bytes(body)


def _outcome(body: bytes) -> str | None:
    """Return the service's own outcome for the event."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    word = answer.get("outcome", answer.get("code")) if isinstance(answer, dict) else None
    return word[:OUTCOME_CHARACTERS_MAX] if isinstance(word, str) else None


async def _pause(waiting: Sequence[Delivery], seconds: float) -> bool:
    """Wait; return True if all of these deliveries were forgotten meanwhile."""
    due_at = time.time() + seconds
    for delivery in waiting:
        delivery.due_at.append(due_at)
    with suppress(TimeoutError):
        await asyncio.wait_for(waiting[-1].forgotten.wait(), seconds)
    for delivery in waiting:
        delivery.due_at.remove(due_at)
    return waiting[-1].forgotten.is_set()
