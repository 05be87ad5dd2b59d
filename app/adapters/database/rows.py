"""Converts between rows and values: which column is which field, for every table.

Columns are accessed by name, so that no two files need the same order.
"""

import hashlib
from dataclasses import asdict
from typing import Any

import orjson

from app.adapters.database.facts import facts_from_json, facts_to_json
from app.domain.checkout.cart import Cart, CreatedBy, LineItem, Mode
from app.domain.errors import InvalidEventError
from app.domain.fold.records import EventState, Payment, Renewal, Settled, StoredEvent
from app.domain.money import ExpectedSubtotal
from app.domain.payments.claims import SoldCheckout
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.flags import needs_a_person
from app.domain.payments.renewals import ids_in
from app.domain.stripe_events.event import StripeEvent, read_event
from app.domain.stripe_events.tolerant_json import read_tolerantly
from app.usecases.records import (
    Checkout,
    Claim,
    ClaimState,
    EventRow,
    EventSource,
    EventSummary,
    PaymentVersion,
    WebhookKind,
    WebhookSighting,
)

Row = Any  # a driver's rows are untyped; both drivers' can be read by column name
NamedValues = dict[str, Any]


def checkout_to_row(checkout: Checkout) -> NamedValues:
    """Return a checkout's columns."""
    expected = checkout.expected
    line_items = orjson.dumps(checkout.cart.line_items).decode()
    return {
        "id": checkout.id,
        "created_at_ms": checkout.created_at_ms,
        "mode": checkout.cart.mode,
        "line_items": line_items,
        "client_reference_id": checkout.client_reference_id,
        "success_url": checkout.success_url,
        "cancel_url": checkout.cancel_url,
        "url": checkout.url,
        "session_id": checkout.session_id,
        "expected_subtotal_minor": expected.amount_minor if expected else None,
        "expected_currency": expected.currency if expected else None,
        "expected_in_trial_minor": expected.in_trial_minor if expected else None,
        "key_digest": checkout.key_digest,
        "created_by": checkout.created_by,
        "twin_key": _twin_key(checkout, line_items),
    }


def _twin_key(checkout: Checkout, line_items: str) -> str | None:
    """Return what checkouts that pay the same order have in common; None if none can."""
    if checkout.client_reference_id is None or checkout.cart.mode is not Mode.PAYMENT:
        return None
    return hashlib.sha256(f"{checkout.client_reference_id}\n{line_items}".encode()).hexdigest()


def row_to_checkout(row: Row) -> Checkout:
    """Build a checkout from its columns."""
    items = tuple(LineItem(**item) for item in orjson.loads(row["line_items"]))
    return Checkout(
        id=row["id"],
        created_at_ms=row["created_at_ms"],
        cart=Cart(items, Mode(row["mode"])),
        expected=_expected(row),
        client_reference_id=row["client_reference_id"],
        success_url=row["success_url"],
        cancel_url=row["cancel_url"],
        url=row["url"],
        session_id=row["session_id"],
        key_digest=row["key_digest"],
        created_by=CreatedBy(row["created_by"]),
    )


def row_to_sold(row: Row) -> SoldCheckout:
    """Build the data that decide which sessions belong to a checkout."""
    return SoldCheckout(
        id=row["id"],
        session_id=row["session_id"],
        key_digest=row["key_digest"],
        expected=_expected(row),
    )


def _expected(row: Row) -> ExpectedSubtotal | None:
    """Build what the cart should cost; in a trial nothing, if an older version started it."""
    currency = row["expected_currency"]
    if currency is None:
        return None
    return ExpectedSubtotal(
        amount_minor=row["expected_subtotal_minor"],
        currency=currency,
        in_trial_minor=row["expected_in_trial_minor"] or 0,
    )


def claim_to_row(claim: Claim) -> NamedValues:
    """Return a claim's columns."""
    return {
        "key_digest": claim.key_digest,
        "fingerprint": claim.fingerprint,
        "checkout_id": claim.checkout_id,
        "state": claim.state,
        "lease_until_ms": claim.lease_until_ms,
        "created_at_ms": claim.created_at_ms,
    }


def row_to_claim(row: Row) -> Claim:
    """Build a claim from its columns."""
    return Claim(**(dict(row) | {"state": ClaimState(row["state"])}))


def event_to_row(event: EventRow) -> NamedValues:
    """Return an event's columns."""
    return {
        "id": event.id,
        "type": event.type,
        "created_s": event.created_s,
        "received_at_ms": event.received_at_ms,
        "account": event.account,
        "livemode": event.livemode,
        "state": event.state,
        "reason": event.reason,
        "payload": event.payload,
        "source": event.source,
    }


def row_to_event(row: Row) -> EventRow:
    """Build an event from its columns."""
    livemode = row["livemode"]
    return EventRow(
        id=row["id"],
        type=row["type"],
        created_s=row["created_s"],
        received_at_ms=row["received_at_ms"],
        account=row["account"],
        livemode=None if livemode is None else bool(livemode),
        state=EventState(row["state"]),
        reason=row["reason"],
        payload=row["payload"],
        source=EventSource(row["source"]),
    )


def row_to_summary(row: Row) -> EventSummary:
    """Build an event without its payload, from its columns and `has_payload`."""
    return EventSummary(
        id=row["id"],
        type=row["type"],
        created_s=row["created_s"],
        received_at_ms=row["received_at_ms"],
        state=EventState(row["state"]),
        reason=row["reason"],
        has_payload=bool(row["has_payload"]),
        source=EventSource(row["source"]),
    )


def row_to_stored_event(row: Row) -> StoredEvent:
    """Build an event for the fold from its id, state and payload."""
    event = _event_of(row["payload"])
    return StoredEvent(id=row["id"], state=EventState(row["state"]), event=event)


def _event_of(payload: bytes | None) -> StripeEvent | None:
    """Parse a stored payload; a damaged row must not stop its batch."""
    try:
        return None if payload is None else read_event(_document(payload))
    except (ValueError, InvalidEventError):
        return None


def _document(payload: bytes) -> object:
    """Parse strictly and fast, or like the webhook, with lone surrogates."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return read_tolerantly(payload)


def settled_to_row(settled: Settled) -> NamedValues:
    """Return the changed columns of an event that ends in another state."""
    return {"event_id": settled.event_id, "state": settled.state, "reason": settled.reason}


def payment_to_row(payment: Payment) -> NamedValues:
    """Return a payment's columns."""
    facts = payment.facts
    return {
        "session_id": payment.session_id,
        "checkout_id": facts.checkout_id,
        "status": facts.status,
        "amount_total_minor": facts.amount_total_minor,
        "currency": facts.currency,
        "paid_at_s": facts.first_paid_at_s,
        "facts": facts_to_json(facts),
        "updated_at_ms": payment.updated_at_ms,
        "price_mismatch": payment.price_mismatch,
        "version": payment.version,
        "amount_refunded_minor": facts.amount_refunded_minor,
        "contradicted": facts.contradicted,
        "recovered_from": facts.recovered_from,
        **_listed_by(payment),
    }


def _listed_by(payment: Payment) -> NamedValues:
    """Return the columns by which orders are listed."""
    details = payment.facts.details
    created_s = details.created_s if details else None
    return {
        "created_at_ms": payment.updated_at_ms if created_s is None else created_s * 1000,
        "client_reference_id": details.client_reference_id if details else None,
        "flagged": payment.price_mismatch or needs_a_person(payment.facts),
        "wants_line_items": payment.facts.is_paid and not (details and details.are_items_settled),
    }


def row_to_payment(row: Row) -> Payment:
    """Build a payment from its facts and its other columns."""
    return Payment(
        session_id=row["session_id"],
        facts=facts_from_json(row["facts"]),
        updated_at_ms=row["updated_at_ms"],
        version=row["version"],
        price_mismatch=bool(row["price_mismatch"]),
    )


def row_to_version(row: Row) -> PaymentVersion:
    """Build a payment's version."""
    return PaymentVersion(**dict(row))


def sighting_to_row(sighting: WebhookSighting) -> NamedValues:
    """Return a sighting's columns."""
    return asdict(sighting)


def row_to_sighting(row: Row) -> WebhookSighting:
    """Build a sighting from its columns."""
    return WebhookSighting(WebhookKind(row["kind"]), row["at_ms"], row["reason"], row["times"])


def renewal_to_row(renewal: Renewal) -> NamedValues:
    """Return a renewal's columns; facts are an empty text if there are none."""
    facts = facts_to_json(renewal.facts) if renewal.facts != PaymentFacts() else ""
    return {
        "session_id": renewal.session_id,
        "invoice_id": renewal.invoice_id,
        "facts": facts,
        "flagged": needs_a_person(renewal.facts),
    }


def renewal_to_names(renewal: Renewal) -> list[NamedValues]:
    """Return a row for each id by which a renewal is found."""
    row = {"session_id": renewal.session_id, "invoice_id": renewal.invoice_id}
    return [row | {"object_id": object_id} for object_id in sorted(ids_in(renewal.facts))]


def row_to_renewal(row: Row) -> Renewal:
    """Build a renewal from its columns."""
    return Renewal(
        session_id=row["session_id"],
        invoice_id=row["invoice_id"],
        facts=facts_from_json(row["facts"]),
    )
