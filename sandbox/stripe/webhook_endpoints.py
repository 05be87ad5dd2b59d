"""Simulates the webhook endpoints of Stripe's API: lists them, and creates one.

The first is the service's own, which gets every event. A created one is listed, but gets no events.
"""

from dataclasses import dataclass, field
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.bodies import read_body
from sandbox.ids import new_id
from sandbox.stripe.api_requests import page, require_key
from sandbox.stripe.events import API_VERSION
from sandbox.stripe.objects import JsonObject

PATH = "/v1/webhook_endpoints"
ENDPOINTS_MAX = 16  # of an account (Stripe's docs: webhooks)


@dataclass(slots=True)
class WebhookEndpoints:
    """The endpoints of the sandbox's account, the latest first."""

    own_url: str
    _created: list[JsonObject] = field(default_factory=list)

    async def list(self, request: Request) -> Response:
        """`GET /v1/webhook_endpoints` (Stripe: api/webhook_endpoints/list)."""
        require_key(request)
        own = _endpoint("we_sandbox", self.own_url, ["*"], API_VERSION)
        return page(request, [*reversed(self._created), own], PATH)

    async def create(self, request: Request) -> Response:
        """`POST /v1/webhook_endpoints` (Stripe: api/webhook_endpoints/create)."""
        require_key(request)
        form = parse_qs((await read_body(request)).decode())
        url, types = form.get("url", [""])[0], form.get("enabled_events[]", [])
        if not url.startswith(("http://", "https://")) or not types:
            raise HTTPException(400, "url and enabled_events are required")
        if len(self._created) + 1 >= ENDPOINTS_MAX:
            raise HTTPException(400, f"An account has at most {ENDPOINTS_MAX} endpoints")
        endpoint = _endpoint(new_id("we_"), url, types, form.get("api_version", [None])[0])
        self._created.append(endpoint)
        return JSONResponse(endpoint | {"secret": new_id("whsec_sandbox_", 32)})


def _endpoint(
    endpoint_id: str, url: str, types: "list[str]", api_version: str | None
) -> JsonObject:
    return {
        "id": endpoint_id,
        "object": "webhook_endpoint",
        "api_version": api_version,
        "enabled_events": types,
        "livemode": False,
        "status": "enabled",
        "url": url,
    }
