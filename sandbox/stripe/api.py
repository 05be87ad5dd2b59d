"""Simulates the GETs of Stripe's API that the service uses: events, sessions, objects, prices.

Events that were not delivered are listed, except withheld ones, as if Stripe had not created them
yet.
"""

from dataclasses import dataclass

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.shop.prices import Mode, find_price
from sandbox.stripe.api_requests import page, read_number, require_key
from sandbox.stripe.delivery import Delivery, DeliveryState
from sandbox.stripe.events import NEVER_MADE
from sandbox.stripe.objects import JsonObject, charge_object, payment_intent_object, session_object
from sandbox.stripe.payments import Payments
from sandbox.stripe.sessions import Line, Session, Stage

COLLECTIONS = (
    "charges",
    "disputes",
    "invoices",
    "payment_intents",
    "refunds",
    "subscriptions",
)


@dataclass(frozen=True, slots=True)
class StripeApi:
    """Reads the sandbox's payments and deliveries."""

    payments: Payments

    async def list_events(self, request: Request) -> Response:
        """`GET /v1/events`, the newest first (Stripe: api/events/list)."""
        require_key(request)
        query = request.query_params
        types, since = query.getlist("types[]"), read_number(request, "created[gte]", 0)
        found = [
            _event_json(delivery)
            for delivery in self.payments.deliveries
            if _is_listed(delivery, only_undelivered=query.get("delivery_success") == "false")
            and (not types or delivery.event.type in types)
        ]
        found = [event for event in found if int(str(event["created"])) >= since]
        return page(request, found, "/v1/events")

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
        return page(request, items, f"/v1/checkout/sessions/{session.id}/line_items")

    async def read_object(self, request: Request) -> Response:
        """`GET /v1/refunds/{id}` and the like: the object as its latest event has it.

        Events that could not be made count, because the object changed all the same.
        """
        require_key(request)
        for delivery in self.payments.deliveries:  # the latest first
            subject = delivery.event.subject
            if subject.get("id") == request.path_params["object_id"]:
                return JSONResponse(subject)
        raise HTTPException(404, "No such object")

    async def read_price(self, request: Request) -> Response:
        """`GET /v1/prices/{id}`; an unlisted one costs what it would in a cart."""
        require_key(request)
        price = find_price(request.path_params["price_id"], Mode.PAYMENT)
        return JSONResponse(
            {
                "id": price.id,
                "object": "price",
                "active": True,
                "currency": price.currency,
                "livemode": False,
                "recurring": {"interval": price.interval} if price.interval else None,
                "type": "recurring" if price.interval else "one_time",
                "unit_amount": price.unit_amount_minor,
            }
        )

    def _session(self, request: Request) -> Session:
        require_key(request)
        session = self.payments.sessions.get(request.path_params["session_id"])
        if session is None:
            raise HTTPException(404, "No such checkout.session")
        return session


def _is_listed(delivery: Delivery, *, only_undelivered: bool) -> bool:
    if delivery.state is DeliveryState.NEVER_MADE or delivery.event.type == NEVER_MADE:
        return False  # the second is a v2 event, which is in another list
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
