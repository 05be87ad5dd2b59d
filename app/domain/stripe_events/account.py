"""Reads the events that are about no payment, but that the owner must hear of."""

from dataclasses import dataclass
from typing import Final

from app.domain.stripe_events.event import StripeEvent
from app.domain.stripe_events.evidence import id_of, inner, name_of

DEAUTHORIZED: Final = "account.application.deauthorized"
_NEVER_MADE: Final = "v2.core.health.event_generation_failure.resolved"
_UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class NeverMade:
    """An event that Stripe has failed to make: of which type, and about which object."""

    event_type: str
    object_type: str
    object_id: str

    def __str__(self) -> str:
        """In words for the owner."""
        return f"{self.event_type} about {self.object_type} {self.object_id}"


def never_made(event: StripeEvent) -> NeverMade | None:
    """What a notice of a lost event is about (Stripe: webhooks/handle-irrecoverable-events).

    None for any other event. The lost one can never be listed: its object has to be looked at.
    """
    if event.type != _NEVER_MADE:
        return None
    related = inner(event.thin_data, "impact", "related_object")
    return NeverMade(
        name_of(inner(event.thin_data, "impact", "event_type")) or _UNKNOWN,
        name_of(inner(related, "type")) or _UNKNOWN,
        id_of(related) or _UNKNOWN,
    )
