"""A webhook endpoint that is registered at Stripe, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.domain.stripe_events.registered import API_VERSION, REGISTERED_TYPES

PATH: Final = "/webhooks/stripe"  # below the service's own address, however it begins
_EVERY_TYPE: Final = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEndpoint:
    """Stripe's record of an endpoint (Stripe: api/webhook_endpoints/object).

    `api_version` is None if its events have the account's default version.
    """

    id: str
    url: str
    is_enabled: bool
    types: frozenset[str]
    api_version: str | None

    @property
    def is_ours(self) -> bool:
        """Whether its address ends like the one of this service."""
        return self.url.rstrip("/").endswith(PATH)

    def is_at(self, url: str) -> bool:
        """Whether it has this address, with or without a final slash."""
        return self.url.rstrip("/") == url.rstrip("/")

    def faults(self) -> list[str]:
        """Return why events are missed; nothing if none are."""
        found = [] if self.is_enabled else ["is disabled: enable it in the dashboard"]
        missing = [] if _EVERY_TYPE in self.types else sorted({*REGISTERED_TYPES} - self.types)
        if missing:
            found.append(f"is not sent {', '.join(missing)}: add them in the dashboard")
        return found

    def hints(self) -> list[str]:
        """Return what differs from what is tested, although no event is missed."""
        if self.api_version == API_VERSION:
            return []
        version = self.api_version or "the account's default"
        return [f"has API version {version}; this service is tested with {API_VERSION}"]


def read_endpoint(document: Mapping[str, object]) -> WebhookEndpoint:
    """Read one as Stripe lists it; unexpected values count as absent."""
    types, version = document.get("enabled_events"), document.get("api_version")
    return WebhookEndpoint(
        id=str(document.get("id")),
        url=str(document.get("url")),
        is_enabled=document.get("status") == "enabled",
        types=frozenset(map(str, types)) if isinstance(types, list) else frozenset(),
        api_version=version if isinstance(version, str) else None,
    )
