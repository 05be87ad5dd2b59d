"""Between rows and values: which column is which field, for every table, in one place."""

from collections.abc import Sequence
from typing import Any

import orjson

from app.adapters.database.facts import facts_from_json, facts_to_json
from app.domain.checkout.cart import Cart, LineItem, Mode
from app.domain.errors import InvalidEventError
from app.domain.money import Money
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.renewals import ids_in
from app.domain.stripe_events.event import StripeEvent, read_event
from app.domain.stripe_events.tolerant_json import read_tolerantly
from app.usecases.records import (
    Checkout,
    Claim,
    ClaimState,
    EventRow,
    EventState,
    EventSummary,
    Payment,
    PaymentVersion,
    Renewal,
    SoldCheckout,
    StoredEvent,
    WebhookKind,
    WebhookSighting,
)

Row = Any  # a driver's rows have no type

CHECKOUT_COLUMNS = """
    id, created_at_ms, mode, line_items, client_reference_id, success_url, cancel_url, url,
    session_id, expected_subtotal_minor, expected_currency, key_digest
"""
CLAIM_COLUMNS = "key_digest, fingerprint, checkout_id, state, lease_until_ms, created_at_ms"
RECOVERIES_MAX = 100  # one after the other; Stripe lets each new page expire before the next
PAYMENT_COLUMNS = "session_id, facts, updated_at_ms, version, price_mismatch"
EVENT_COLUMNS = "id, type, created_s, received_at_ms, account, livemode, state, reason, payload"

SUMMARY_COLUMNS = "id, type, created_s, received_at_ms, state, reason, payload IS NOT NULL"


def checkout_to_row(checkout: Checkout) -> tuple[object, ...]:
    """In the order of CHECKOUT_COLUMNS."""
    expected = checkout.expected
    return (
        checkout.id,
        checkout.created_at_ms,
        checkout.cart.mode,
        orjson.dumps(checkout.cart.line_items).decode(),
        checkout.client_reference_id,
        checkout.success_url,
        checkout.cancel_url,
        checkout.url,
        checkout.session_id,
        expected.amount_minor if expected else None,
        expected.currency if expected else None,
        checkout.key_digest,
    )


def row_to_checkout(row: Row) -> Checkout:
    """From the order of CHECKOUT_COLUMNS."""
    id_, created_at_ms, mode, line_items, reference, success_url, cancel_url, url, *rest = row
    session_id, amount_minor, currency, key_digest = rest
    items = tuple(LineItem(**item) for item in orjson.loads(line_items))
    return Checkout(
        id=id_,
        created_at_ms=created_at_ms,
        cart=Cart(items, Mode(mode)),
        expected=None if currency is None else Money(amount_minor=amount_minor, currency=currency),
        client_reference_id=reference,
        success_url=success_url,
        cancel_url=cancel_url,
        url=url,
        session_id=session_id,
        key_digest=key_digest,
    )


def row_to_sold(row: Row) -> SoldCheckout:
    """From a checkout's session id, digest, expected subtotal and currency."""
    session_id, key_digest, amount_minor, currency = row
    return SoldCheckout(
        session_id=session_id,
        key_digest=key_digest,
        expected=None if currency is None else Money(amount_minor=amount_minor, currency=currency),
    )


def sold_by_session(rows: Sequence[Row]) -> dict[str, SoldCheckout]:
    """From the rows of SOLD. A checkout of the session's own goes before one that is claimed."""
    own_last = sorted(rows, key=lambda row: bool(row[0] == row[1]))
    return {asked: row_to_sold(row) for asked, *row in own_last}


def claim_to_row(claim: Claim) -> tuple[object, ...]:
    """In the order of CLAIM_COLUMNS."""
    return (
        claim.key_digest,
        claim.fingerprint,
        claim.checkout_id,
        claim.state,
        claim.lease_until_ms,
        claim.created_at_ms,
    )


def row_to_claim(row: Row) -> Claim:
    """From the order of CLAIM_COLUMNS."""
    key_digest, fingerprint, checkout_id, state, lease_until_ms, created_at_ms = row
    return Claim(
        key_digest=key_digest,
        fingerprint=fingerprint,
        checkout_id=checkout_id,
        state=ClaimState(state),
        lease_until_ms=lease_until_ms,
        created_at_ms=created_at_ms,
    )


def event_to_row(event: EventRow) -> tuple[object, ...]:
    """In the order of EVENT_COLUMNS."""
    return (
        event.id,
        event.type,
        event.created_s,
        event.received_at_ms,
        event.account,
        event.livemode,
        event.state,
        event.reason,
        event.payload,
    )


def row_to_event(row: Row) -> EventRow:
    """From the order of EVENT_COLUMNS."""
    id_, type_, created_s, received_at_ms, account, livemode, state, reason, payload = row
    return EventRow(
        id=id_,
        type=type_,
        created_s=created_s,
        received_at_ms=received_at_ms,
        account=account,
        livemode=None if livemode is None else bool(livemode),
        state=EventState(state),
        reason=reason,
        payload=payload,
    )


def row_to_summary(row: Row) -> EventSummary:
    """From the order of SUMMARY_COLUMNS."""
    id_, type_, created_s, received_at_ms, state, reason, has_payload = row
    return EventSummary(
        id=id_,
        type=type_,
        created_s=created_s,
        received_at_ms=received_at_ms,
        state=EventState(state),
        reason=reason,
        has_payload=bool(has_payload),
    )


def row_to_stored_event(row: Row) -> StoredEvent:
    """From an event's id, state and payload."""
    id_, state, payload = row
    return StoredEvent(id=id_, state=EventState(state), event=_event_of(payload))


def _event_of(payload: bytes | None) -> StripeEvent | None:
    """What is in the table was read once; a row that somebody spoiled must not stop its batch."""
    try:
        return None if payload is None else read_event(_document(payload))
    except (ValueError, InvalidEventError):
        return None


def _document(payload: bytes) -> object:
    """Strictly and fast, or as the webhook took it in: with lone surrogates."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return read_tolerantly(payload)


def payment_to_row(payment: Payment) -> tuple[object, ...]:
    """In the order in which SAVE_PAYMENT names them."""
    facts = payment.facts
    return (
        payment.session_id,
        facts.checkout_id,
        facts.status,
        facts.amount_total_minor,
        facts.currency,
        facts.first_paid_at_s,
        facts_to_json(facts),
        payment.updated_at_ms,
        payment.price_mismatch,
        payment.version,
        facts.amount_refunded_minor,
        facts.contradicted,
        facts.recovered_from,
    )


def row_to_payment(row: Row) -> Payment:
    """From the order of PAYMENT_COLUMNS."""
    session_id, facts, updated_at_ms, version, price_mismatch = row
    return Payment(
        session_id=session_id,
        facts=facts_from_json(facts),
        updated_at_ms=updated_at_ms,
        version=version,
        price_mismatch=bool(price_mismatch),
    )


def row_to_version(row: Row) -> PaymentVersion:
    """From the order of VERSIONS."""
    session_id, checkout_id, recovered_from, version = row
    return PaymentVersion(
        session_id=session_id,
        checkout_id=checkout_id,
        recovered_from=recovered_from,
        version=version,
    )


def row_to_sighting(row: Row) -> WebhookSighting:
    """When a webhook last ended so."""
    kind, at_ms, reason, times = row
    return WebhookSighting(WebhookKind(kind), at_ms, reason, times)


def renewal_to_row(renewal: Renewal) -> tuple[str, str, str]:
    """Its session's and invoice's ids, and its facts; empty text where there are none."""
    facts = facts_to_json(renewal.facts) if renewal.facts != PaymentFacts() else ""
    return renewal.session_id, renewal.invoice_id, facts


def renewal_to_names(renewal: Renewal) -> list[tuple[str, str, str]]:
    """By which ids a renewal is found: each with its session's and invoice's."""
    ids = sorted(ids_in(renewal.facts))
    return [(renewal.session_id, object_id, renewal.invoice_id) for object_id in ids]


def row_to_renewal(row: Row) -> Renewal:
    """From a session's id, an invoice's id and facts."""
    session_id, invoice_id, facts = row
    return Renewal(session_id=session_id, invoice_id=invoice_id, facts=facts_from_json(facts))
