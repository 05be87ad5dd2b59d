"""What Stripe's objects are like at the end of a history, and its notices of events never made."""

from collections.abc import Iterable, Mapping
from typing import Final

from tests.support.builders import Document, thin_event

# The objects that can be read by themselves, and so replace an event about them.
READABLE: Final = frozenset(
    {
        "charge",
        "checkout.session",
        "dispute",
        "invoice",
        "payment_intent",
        "refund",
        "subscription",
    }
)
# What the histories' objects leave to the type of their event.
_STATES: Final[Mapping[str, Document]] = {
    "checkout.session.expired": {"status": "expired"},
    "payment_intent.payment_failed": {
        "status": "requires_payment_method",
        "last_payment_error": {"code": "card_declined"},
    },
    "payment_intent.canceled": {"status": "canceled"},
    "invoice.paid": {"status": "paid"},
    "invoice.payment_succeeded": {"status": "paid"},
    "invoice.payment_failed": {"status": "open", "attempted": True},
    "invoice.payment_action_required": {"status": "open", "attempted": False},
    "invoice.voided": {"status": "void"},
    "invoice.marked_uncollectible": {"status": "uncollectible"},
    "refund.failed": {"status": "failed"},
}


def objects_after(history: Iterable[Document]) -> dict[str, Document]:
    """Return the final objects by id, as they are read: sessions with their payment intents."""
    objects: dict[str, Document] = {}
    for each in history:
        subject = each["data"]["object"]
        objects[subject["id"]] = subject | _STATES.get(each["type"], {})
    for each in objects.values():
        if each["object"] == "checkout.session" and each["payment_intent"] in objects:
            each["payment_intent"] = objects[each["payment_intent"]]
    return objects


def notice_of(lost: Document) -> Document:
    """Return the event that names the object of one that was never made."""
    subject = lost["data"]["object"]
    related = {"id": subject["id"], "type": subject["object"], "url": f"/v1/{subject['id']}"}
    return thin_event(
        id=f"evt_notice_{lost['id']}",
        type="v2.core.health.event_generation_failure.resolved",
        data={"impact": {"event_type": lost["type"], "related_object": related}},
    )
