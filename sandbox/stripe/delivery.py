"""The record of one event's delivery: its attempts and its state."""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

import httpx

from sandbox.stripe.events import Event

ATTEMPTS_MAX = 100  # Ten copies with all their retries; only resending by hand exceeds it.


class DeliveryState(StrEnum):
    """The state of an event's delivery."""

    WITHHELD = "withheld"
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    LOST = "lost"
    NEVER_MADE = "never_made"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request to the webhook endpoint: a status code, or an error if there was no response."""

    event_id: str
    event_type: str
    number: int
    at: int
    status_code: int | None
    outcome: str | None
    """What the service calls it: `recorded`, `duplicate`, or the code of a refusal."""
    error: str | None
    elapsed_ms: float

    @property
    def succeeded(self) -> bool:
        """Only 2xx is success; a redirect is a failure (Stripe's docs: webhooks)."""
        return self.status_code is not None and httpx.codes.is_success(self.status_code)


@dataclass(slots=True, kw_only=True)
class Delivery:
    """The delivery of one event."""

    event: Event
    state: DeliveryState
    started: int = 0
    """How many attempts were started."""
    attempts: deque[Attempt] = field(default_factory=lambda: deque(maxlen=ATTEMPTS_MAX))
    """The finished attempts, the latest last."""
    due_at: list[float] = field(default_factory=list)
    """When the planned attempts start; each copy of an event is retried separately."""
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the first attempt is over."""
    forgotten: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the record is dropped: nothing more is sent."""

    @property
    def can_be_lost(self) -> bool:
        """Whether it is held back, given up, or waits for its next try."""
        has_failed = self.state is DeliveryState.PENDING and bool(self.attempts)
        return has_failed or self.state in (DeliveryState.WITHHELD, DeliveryState.FAILED)

    @property
    def can_be_unmade(self) -> bool:
        """Whether nobody has seen it yet, so that Stripe may have failed to make it."""
        return self.state is DeliveryState.WITHHELD and not self.started

    async def wait_answered(self, seconds: float) -> None:
        """Return when the first attempt is over, or when `seconds` have passed."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.answered.wait(), seconds)
