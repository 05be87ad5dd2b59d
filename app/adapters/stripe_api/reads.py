"""Reads events, single objects, and a session's line items from Stripe."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from app.adapters.stripe_api.client import StripeClient
from app.adapters.stripe_api.lists import StripeList
from app.usecases.stripe_reads import Document, StripeObjectMissingError

_SESSIONS: Final = "/v1/checkout/sessions"
_PATHS: Final[Mapping[str, str]] = {
    "charge": "/v1/charges",
    "checkout.session": _SESSIONS,
    "dispute": "/v1/disputes",
    "invoice": "/v1/invoices",
    "payment_intent": "/v1/payment_intents",
    "refund": "/v1/refunds",
    "subscription": "/v1/subscriptions",
}
# A session alone does not show whether its payment failed at the bank or is still in progress.
_EXPANDED: Final[Mapping[str, str]] = {"checkout.session": "payment_intent.latest_charge"}


@dataclass(frozen=True, slots=True)
class StripeApi:
    """Implements the port `StripeReads`."""

    client: StripeClient

    def events(
        self, types: Sequence[str], *, since_s: int, only_undelivered: bool
    ) -> AsyncIterator[Sequence[Document]]:
        """See `StripeReads.events` (Stripe: api/events/list)."""
        query = [("created[gte]", str(since_s)), *(("types[]", each) for each in types)]
        if only_undelivered:
            query.append(("delivery_success", "false"))
        return StripeList(self.client, "/v1/events", query).oldest_first()

    async def read(self, object_type: str, object_id: str) -> Document:
        """See `StripeReads.read`."""
        if object_type not in _PATHS:
            raise StripeObjectMissingError(f"{object_type} is not a type that can be read")
        query = [("expand[]", _EXPANDED[object_type])] if object_type in _EXPANDED else []
        return await self.client.get(f"{_PATHS[object_type]}/{quote(object_id, safe='')}", query)

    async def line_items(self, session_id: str) -> Sequence[Document]:
        """See `StripeReads.line_items` (Stripe: api/checkout/sessions/line_items)."""
        path = f"{_SESSIONS}/{quote(session_id, safe='')}/line_items"
        pages = StripeList(self.client, path).in_order()
        return [item async for page in pages for item in page]
