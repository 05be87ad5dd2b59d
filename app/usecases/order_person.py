"""What a session's events say of the buyer: read from the kept bodies, and kept nowhere else.

So retention and erasure have one place; once the bodies are gone, nothing of it is left.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.stripe_events.evidence import Subject, inner
from app.usecases.orders import OrderEvent

Document = dict[str, Any]


def personal_fields(events: Sequence[OrderEvent]) -> Document:
    """`customer`, `shipping`, `custom_fields` and `metadata`, each as it came last."""
    found: Document = {"customer": None, "shipping": None, "custom_fields": [], "metadata": {}}
    for subject in _subjects(events):
        for name, value in (
            ("customer", _customer(subject)),
            ("shipping", _shipping(subject)),
            ("custom_fields", _custom_fields(subject)),
            ("metadata", _metadata(subject)),
        ):
            if value:
                found[name] = value
    return found


def _subjects(events: Sequence[OrderEvent]) -> list[Subject]:
    """The session, as each of its own events has it, the earliest first."""
    kept = [(each.event, each.received_at_ms) for each in events if each.event and each.is_own]
    kept.sort(key=lambda pair: (pair[0].created_s or 0, pair[1], pair[0].id))
    return [event.subject for event, _ in kept]


def _customer(session: Subject) -> Document | None:
    """Stripe, the Checkout Session object: `customer_details`."""
    details = session.get("customer_details")
    return _named(details, "email", "name", "phone", "address")


def _shipping(session: Subject) -> Document | None:
    """`collected_information.shipping_details` since 2025-03-31, `shipping_details` before."""
    details = inner(session, "collected_information", "shipping_details")
    return _named(details or session.get("shipping_details"), "name", "address")


def _named(details: object, *names: str) -> Document | None:
    if not isinstance(details, Mapping):
        return None
    fields = {name: details.get(name) for name in names}
    return fields if any(fields.values()) else None


def _custom_fields(session: Subject) -> list[object]:
    """As Stripe sends them."""
    value = session.get("custom_fields")
    return value if isinstance(value, list) else []


def _metadata(session: Subject) -> Document:
    value = session.get("metadata")
    return value if isinstance(value, dict) else {}
