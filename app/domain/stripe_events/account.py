"""Reads events about the account that the owner must know about."""

from dataclasses import dataclass
from typing import Final

from app.domain.stripe_events.event import StripeEvent
from app.domain.stripe_events.evidence import id_of, inner, name_of

DEAUTHORIZED: Final = "account.application.deauthorized"
NEVER_MADE: Final = "v2.core.health.event_generation_failure.resolved"
_UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class NeverMade:
    """An event that Stripe could not create: its type and its object."""

    event_type: str
    object_type: str
    object_id: str

    def __str__(self) -> str:
        """A description for the owner."""
        return f"{self.event_type} about {self.object_type} {self.object_id}"


def never_made(event: StripeEvent) -> NeverMade | None:
    """Return which event a notice reports as lost (Stripe: webhooks/handle-irrecoverable-events).

    None for any other event. The lost event can never be listed: check its object instead.
    """
    if event.type != NEVER_MADE:
        return None
    related = inner(event.thin_data, "impact", "related_object")
    return NeverMade(
        name_of(inner(event.thin_data, "impact", "event_type")) or _UNKNOWN,
        name_of(inner(related, "type")) or _UNKNOWN,
        id_of(related) or _UNKNOWN,
    )
