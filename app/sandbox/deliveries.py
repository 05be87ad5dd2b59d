"""Sends events to the service's webhook, again and again until it answers 2xx.

It owns the pace, the signatures' times and the record of every attempt. What an event says is
not its business.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

import httpx

from app.sandbox.events import Event
from app.sandbox.signing import sign
from app.sandbox.trouble import Trouble

DELIVERIES_MAX = 1000  # As with sessions: the sandbox may run for weeks. Holds for attempts too.
ANSWER_BYTES_MAX = 64 * 1024  # The answer's body means nothing to Stripe; reading on is waste.
USER_AGENT = "Stripe/1.0 (+https://stripe.com/docs/webhooks)"


class DeliveryState(StrEnum):
    """Where an event stands with the service."""

    WITHHELD = "withheld"
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request to the webhook: a status code, or an error where no answer came."""

    event_id: str
    event_type: str
    number: int
    at: int
    status_code: int | None
    error: str | None
    elapsed_ms: float

    @property
    def succeeded(self) -> bool:
        """Only 2xx is success; a redirect is a failure (Stripe's docs: webhooks)."""
        return self.status_code is not None and httpx.codes.is_success(self.status_code)


@dataclass(slots=True, kw_only=True)
class Delivery:
    """An event on its way."""

    event: Event
    state: DeliveryState
    started: int = 0
    """How many attempts were begun; it numbers them."""
    latest: Attempt | None = None
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once any attempt is over."""
    forgotten: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the record is dropped: nothing more is sent."""

    async def wait_answered(self, seconds: float) -> None:
        """Return when the first attempt is over, or when `seconds` have passed."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.answered.wait(), seconds)


class Deliveries:
    """The latest deliveries and the tasks that carry them out."""

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
        """The latest attempts of all events, in the order in which they ended."""
        self._by_event_id: dict[str, Delivery] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Delivery]:
        """Yield the newest delivery first."""
        return reversed(self._by_event_id.values())

    def get(self, event_id: str) -> Delivery | None:
        """Return the event's delivery, or None if it never was or is forgotten."""
        return self._by_event_id.get(event_id)

    def of_session(self, session_id: str) -> list[Delivery]:
        """Return a session's deliveries, the oldest first."""
        return [d for d in self._by_event_id.values() if d.event.session_id == session_id]

    def schedule(self, events: Iterable[Event], trouble: Trouble) -> list[Delivery]:
        """Enter the events of one act and send them as `trouble` says; returns at once."""
        state = DeliveryState.WITHHELD if trouble.withhold else DeliveryState.PENDING
        batch = [Delivery(event=event, state=state) for event in events]
        for delivery in batch:
            self._enter(delivery)
        if not trouble.withhold:
            self._spawn(self._send_batch(batch, trouble))
        return batch

    async def resend(self, delivery: Delivery) -> Attempt:
        """Send the event once more, now; this also releases a withheld one."""
        attempt = await self._attempt(delivery)
        if not attempt.succeeded and delivery.state is DeliveryState.WITHHELD:
            delivery.state = DeliveryState.PENDING
            self._spawn(self._retry(delivery))
        return attempt

    async def close(self) -> None:
        """Cancel whatever is still waiting or under way."""
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
        # The loop holds tasks weakly; without this set a running one could be collected.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_batch(self, batch: list[Delivery], trouble: Trouble) -> None:
        """Send each event once, in order; its copies together, to provoke races."""
        if await _pause(batch[-1], trouble.delay_s):
            return
        for delivery in reversed(batch) if trouble.reverse else batch:
            copies = (self._attempt(delivery) for _ in range(trouble.duplicate))
            for attempt in await asyncio.gather(*copies):
                if not attempt.succeeded:
                    self._spawn(self._retry(delivery))

    async def _retry(self, delivery: Delivery) -> None:
        for delay_s in self._retry_delays_s:
            if await _pause(delivery, delay_s):
                return
            if (await self._attempt(delivery)).succeeded:
                return
        if delivery.state is not DeliveryState.DELIVERED:
            delivery.state = DeliveryState.FAILED

    async def _attempt(self, delivery: Delivery) -> Attempt:
        delivery.started += 1
        number, at = delivery.started, int(self._clock())
        begun = time.perf_counter()
        status_code, error = await self._post(delivery.event.body, at)
        attempt = Attempt(
            event_id=delivery.event.id,
            event_type=delivery.event.type,
            number=number,
            at=at,
            status_code=status_code,
            error=error,
            elapsed_ms=round((time.perf_counter() - begun) * 1000, 1),
        )
        delivery.latest = attempt
        self.attempts.append(attempt)
        if attempt.succeeded:
            delivery.state = DeliveryState.DELIVERED
        delivery.answered.set()
        return attempt

    async def _post(self, body: bytes, at: int) -> tuple[int | None, str | None]:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": sign(body, secret=self._secret, at=at),
            "User-Agent": USER_AGENT,
        }
        try:
            async with self._client.stream(
                "POST", self._url, content=body, headers=headers, timeout=self._attempt_s
            ) as response:
                await _drain(response, time.monotonic() + self._attempt_s)
                return response.status_code, None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return None, f"{type(error).__name__}: {error}"


async def _drain(response: httpx.Response, deadline: float) -> None:
    """Read the answer, within bounds, so that its connection can serve the next attempt.

    The deadline is checked between chunks instead of by cancelling the read, because httpx's
    connection pool does not survive cancellation (httpcore#1093).
    """
    bytes_read = 0
    async for chunk in response.aiter_raw():
        bytes_read += len(chunk)
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("The answer took too long.")
        if bytes_read > ANSWER_BYTES_MAX:
            return


async def _pause(delivery: Delivery, seconds: float) -> bool:
    """Wait; return True if the delivery was forgotten meanwhile."""
    with suppress(TimeoutError):
        await asyncio.wait_for(delivery.forgotten.wait(), seconds)
    return delivery.forgotten.is_set()
