"""Wraps an object in a Stripe event, as the bytes that go over the wire."""

from dataclasses import dataclass

import orjson

from sandbox.ids import new_id
from sandbox.stripe.objects import JsonObject

API_VERSION = "2026-10-28.endive"
COMPLETED = "checkout.session.completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event; the body is built once, so that every attempt carries the same bytes."""

    id: str
    type: str
    session_id: str
    body: bytes


def build_event(event_type: str, payload: JsonObject, *, session_id: str, created: int) -> Event:
    """Return a snapshot event about `payload`; `created` is Unix time in whole seconds."""
    event_id = new_id("evt_")
    body = orjson.dumps(
        {
            "id": event_id,
            "object": "event",
            "api_version": API_VERSION,
            "created": created,
            "data": {"object": payload},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": new_id("req_", 14), "idempotency_key": None},
            "type": event_type,
        }
    )
    return Event(id=event_id, type=event_type, session_id=session_id, body=body)
