"""Health: whether payments are recorded, notifications are sent and Stripe is checked."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from app.domain.errors import NotFoundError, StorageUnavailableError
from app.domain.fold.records import EventState
from app.usecases.inspect_events import InspectEvents
from app.usecases.outbox import Outbox
from app.usecases.ports import Clock
from app.usecases.reconcile import AGE_MAX_S, Check
from app.usecases.reconciliation import ReconciliationStore
from app.usecases.records import EventQuery
from app.usecases.webhook_ledger import WebhookDatabase
from app.web.console.frame import Frame
from app.web.console.guard import Guard
from app.web.console.visit import Visit, see_other

FAILED_COUNTED_MAX: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What the settings say, without a secret.

    `receiver` is its host, if any; `stripe_check_s` is how often missed events are looked for.
    """

    database: str
    mode: str
    receiver: str | None
    has_stripe_key: bool
    stripe_check_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthPage:
    """`/console/health`. `parts` tells which parts work; `check_stripe` looks for missed events."""

    parts: Callable[[], Awaitable[Mapping[str, bool]]]
    outbox: Outbox
    inspect: InspectEvents
    webhooks: WebhookDatabase
    reconciliation: ReconciliationStore
    check_stripe: Callable[[Check], Awaitable[Mapping[str, int]]]
    setup: Setup
    clock: Clock
    frame: Frame

    def routes(self, guard: Guard) -> Sequence[BaseRoute]:
        """The page, and checking Stripe now."""
        return [
            guard.page("/console/health", self.show),
            guard.act("/console/reconcile", self.check),
        ]

    async def show(self, visit: Visit) -> Response:
        """Return the page, also while the database fails."""
        values: dict[str, Any] = {
            "parts": await self.parts(),
            "setup": self.setup,
            "now_ms": self.clock.now_ms(),
            "is_readable": True,
        }
        try:
            values |= await self._read()
        except StorageUnavailableError:
            values["is_readable"] = False
        return self.frame.page(visit, "health.html", values)

    async def _read(self) -> dict[str, Any]:
        """Return what the database knows."""
        wanted = EventQuery(state=EventState.FAILED, limit=FAILED_COUNTED_MAX)
        sightings = await self.webhooks.read(lambda ledger: ledger.webhook_sightings())
        return {
            "failed_events": len(await self.inspect.list(wanted)),
            "failed_counted_max": FAILED_COUNTED_MAX,
            "webhooks": {each.kind.value: each for each in sightings},
            "checks": await self.reconciliation.reconciliation_state(),
            "sending": await self.outbox.receiver(),
            "backlog": await self.outbox.backlog(),
        }

    async def check(self, visit: Visit) -> Response:
        """Check Stripe for missed events, or raise a `CheckoutError`."""
        if not self.setup.has_stripe_key:
            raise NotFoundError("STRIPE_API_KEY is not set, so Stripe cannot be asked.")
        since_s = self.clock.now_ms() // 1000 - AGE_MAX_S
        counts = await self.check_stripe(Check(since_s=since_s, only_undelivered=True))
        return see_other(visit.request, "health", done="checked", **counts)
