"""Lists and creates webhook endpoints at Stripe."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from app.adapters.stripe_api.client import StripeClient
from app.adapters.stripe_api.lists import StripeList
from app.domain.stripe_events.endpoint import WebhookEndpoint, read_endpoint
from app.domain.stripe_events.registered import API_VERSION, REGISTERED_TYPES
from app.usecases.stripe_reads import StripeMalformedError

_PATH: Final = "/v1/webhook_endpoints"


class CreatedEndpoint(NamedTuple):
    """A new endpoint's id, and its signing secret, which Stripe tells only now."""

    id: str
    secret: str


@dataclass(frozen=True, slots=True)
class StripeEndpoints:
    """The endpoints of the client's account. Each method raises `StripeReadError`."""

    client: StripeClient

    async def listed(self) -> Sequence[WebhookEndpoint]:
        """Return all of them (Stripe: api/webhook_endpoints/list)."""
        pages = StripeList(self.client, _PATH).in_order()
        return [read_endpoint(each) async for page in pages for each in page]

    async def create(self, url: str, *, of_connected_accounts: bool) -> CreatedEndpoint:
        """Create one for the registered types and version (Stripe: api/webhook_endpoints/create).

        `of_connected_accounts`: a platform's, which gets the events of those accounts.
        """
        form = [
            ("url", url),
            ("api_version", API_VERSION),
            ("connect", "true" if of_connected_accounts else "false"),
            ("description", "altan-checkout"),
            *(("enabled_events[]", each) for each in REGISTERED_TYPES),
        ]
        answer = await self.client.post(_PATH, form)
        endpoint_id, secret = answer.get("id"), answer.get("secret")
        if not isinstance(endpoint_id, str) or not isinstance(secret, str):
            raise StripeMalformedError("Stripe's answer has no signing secret")
        return CreatedEndpoint(endpoint_id, secret)
