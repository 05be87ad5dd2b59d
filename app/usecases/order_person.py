"""Reads the buyer's data from the stored bodies of a session's events; it is stored nowhere else.

So retention and erasure concern one place: after the bodies are deleted, nothing of it is left.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.stripe_events.evidence import Subject, inner
from app.usecases.orders import OrderEvent

Document = dict[str, Any]


def personal_fields(events: Sequence[OrderEvent]) -> Document:
    """The latest `customer`, `shipping`, `custom_fields` and `metadata`."""
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
    """Yield the session from each of its own events, the oldest first."""
    kept = [(each.event, each.received_at_ms) for each in events if each.event and each.is_own]
    kept.sort(key=lambda pair: (pair[0].created_s or 0, pair[1], pair[0].id))
    return [event.subject for event, _ in kept]


def _customer(session: Subject) -> Document | None:
    """Read `customer_details` (Stripe, the Checkout Session object)."""
    details = session.get("customer_details")
    return _named(details, "email", "name", "phone", "address")


def _shipping(session: Subject) -> Document | None:
    """Read `collected_information.shipping_details`; before 2025-03-31, `shipping_details`."""
    details = inner(session, "collected_information", "shipping_details")
    return _named(details or session.get("shipping_details"), "name", "address")


def _named(details: object, *names: str) -> Document | None:
    if not isinstance(details, Mapping):
        return None
    fields = {name: details.get(name) for name in names}
    return fields if any(fields.values()) else None


def _custom_fields(session: Subject) -> list[object]:
    """Return them as Stripe sends them."""
    value = session.get("custom_fields")
    return value if isinstance(value, list) else []


def _metadata(session: Subject) -> Document:
    value = session.get("metadata")
    return value if isinstance(value, dict) else {}
