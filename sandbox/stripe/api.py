"""Simulates the GETs of Stripe's API that the service uses: events, sessions, line items.

Events that were not delivered are listed, except withheld ones, as if Stripe had not created them
yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.stripe.delivery import Delivery, DeliveryState
from sandbox.stripe.objects import JsonObject, charge_object, payment_intent_object, session_object
from sandbox.stripe.payments import Payments
from sandbox.stripe.sessions import Line, Session, Stage

PAGE_DEFAULT = 10
PAGE_MAX = 100


@dataclass(frozen=True, slots=True)
class StripeApi:
    """Reads the sandbox's payments and deliveries."""

    payments: Payments

    async def list_events(self, request: Request) -> Response:
        """`GET /v1/events`, the newest first (Stripe: api/events/list)."""
        _require_key(request)
        query = request.query_params
        types, since = query.getlist("types[]"), _number(request, "created[gte]", 0)
        found = [
            _event_json(delivery)
            for delivery in self.payments.deliveries
            if _is_listed(delivery, only_undelivered=query.get("delivery_success") == "false")
            and (not types or delivery.event.type in types)
        ]
        found = [event for event in found if int(str(event["created"])) >= since]
        return _page(request, found, "/v1/events")

    async def read_session(self, request: Request) -> Response:
        """`GET /v1/checkout/sessions/{id}`, with the payment intent if requested."""
        session = self._session(request)
        document = session_object(session)
        wants_intent = any(
            each.startswith("payment_intent") for each in request.query_params.getlist("expand[]")
        )
        if wants_intent and document["payment_intent"]:
            document["payment_intent"] = _expanded_intent(session)
        return JSONResponse(document)

    async def list_line_items(self, request: Request) -> Response:
        """`GET /v1/checkout/sessions/{id}/line_items`."""
        session = self._session(request)
        items = [_line_json(session, n, line) for n, line in enumerate(session.order.lines)]
        return _page(request, items, f"/v1/checkout/sessions/{session.id}/line_items")

    def _session(self, request: Request) -> Session:
        _require_key(request)
        session = self.payments.sessions.get(request.path_params["session_id"])
        if session is None:
            raise HTTPException(404, "No such checkout.session")
        return session


def _require_key(request: Request) -> None:
    """Accept any read-only test key, because there is nothing to protect."""
    if not request.headers.get("authorization", "").startswith("Bearer rk_test_"):
        raise HTTPException(401, "Invalid API Key provided")


def _is_listed(delivery: Delivery, *, only_undelivered: bool) -> bool:
    is_made = bool(delivery.attempts) or delivery.state is DeliveryState.LOST
    is_missed = delivery.state is not DeliveryState.DELIVERED
    return is_made and (is_missed or not only_undelivered)


def _event_json(delivery: Delivery) -> JsonObject:
    document: JsonObject = orjson.loads(delivery.event.body)
    return document


def _expanded_intent(session: Session) -> JsonObject:
    if session.stage is Stage.PAID:
        intent = payment_intent_object(session, "succeeded")
        intent["latest_charge"] = charge_object(session)
        return intent
    status = "processing" if session.stage is Stage.AWAITING_BANK else "requires_payment_method"
    return payment_intent_object(session, status)


def _line_json(session: Session, number: int, line: Line) -> JsonObject:
    return {
        "id": f"li_{session.id.removeprefix('cs_test_')}{number}",
        "object": "item",
        "amount_subtotal": line.amount_minor,
        "amount_total": line.amount_minor,
        "currency": session.order.currency,
        "price": {"id": line.price.id, "object": "price"},
        "quantity": line.quantity,
    }


def _page(request: Request, items: Sequence[JsonObject], url: str) -> Response:
    """Return one page of a list, after or before an item (Stripe: api/pagination)."""
    query, limit = request.query_params, _number(request, "limit", PAGE_DEFAULT)
    if not 1 <= limit <= PAGE_MAX:
        raise HTTPException(400, f"limit must be from 1 to {PAGE_MAX}")
    ids = [item["id"] for item in items]
    start, end = 0, len(ids)
    try:
        if after := query.get("starting_after"):
            start = ids.index(after) + 1
        if before := query.get("ending_before"):
            end = ids.index(before)
    except ValueError as error:
        raise HTTPException(400, "No such item of this list") from error
    rest = items[start:end]
    page = rest[-limit:] if "ending_before" in query else rest[:limit]
    has_more = len(page) < len(rest)
    return JSONResponse({"object": "list", "data": page, "has_more": has_more, "url": url})


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.isdecimal():
        raise HTTPException(400, f"{name} must be a whole number")
    return int(text[:18])
