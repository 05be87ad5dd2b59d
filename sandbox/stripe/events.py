"""Wraps an object in a Stripe event, as the bytes that go over the wire."""

from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from sandbox.ids import new_id
from sandbox.stripe.objects import JsonObject

API_VERSION = "2026-10-28.endive"
COMPLETED = "checkout.session.completed"
NEVER_MADE = "v2.core.health.event_generation_failure.resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event; the body is built once, so that every attempt carries the same bytes."""

    id: str
    type: str
    session_id: str
    body: bytes

    @property
    def subject(self) -> JsonObject:
        """The object that a snapshot event is about, as it was then; empty for a notice."""
        document = orjson.loads(self.body)
        subject: JsonObject = document["data"].get("object", {})
        return subject


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


def build_notice(lost: Event, *, created: float) -> Event:
    """Return the thin event for one that Stripe could not make.

    It names the object (Stripe's docs: webhooks/handle-irrecoverable-events).
    """
    event_id, subject = new_id("evt_test_"), lost.subject
    moment = datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds")
    at = moment.replace("+00:00", "Z")
    related = {
        "id": subject["id"],
        "type": subject["object"],
        "url": f"/v1/{subject['object']}s/{subject['id']}",
    }
    body = orjson.dumps(
        {
            "id": event_id,
            "object": "v2.core.event",
            "created": at,
            "data": {
                "alert_id": new_id("hal_"),
                "grouping_key": new_id("hgk_"),
                "impact": {"event_type": lost.type, "related_object": related},
                "resolved_at": at,
                "summary": "An event could not be generated.",
            },
            "livemode": False,
            "related_object": None,
            "type": NEVER_MADE,
        }
    )
    return Event(id=event_id, type=NEVER_MADE, session_id=lost.session_id, body=body)
