"""Between rows and values: which column is which field, for every table, in one place."""

from typing import Any

import orjson

from app.adapters.database.facts import facts_from_json, facts_to_json
from app.domain.cart import Cart, LineItem, Mode
from app.domain.money import Money
from app.usecases.ports import Checkout, Claim, ClaimState, EventRow, Payment

Row = Any  # a driver's rows have no type

CHECKOUT_COLUMNS = """
    id, created_at_ms, mode, line_items, client_reference_id, success_url, cancel_url, url,
    session_id, expected_subtotal_minor, expected_currency
"""
CLAIM_COLUMNS = "key_digest, fingerprint, checkout_id, state, lease_until_ms, created_at_ms"
PAYMENT_COLUMNS = "session_id, facts, updated_at_ms, price_mismatch"


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
    )


def row_to_checkout(row: Row) -> Checkout:
    """From the order of CHECKOUT_COLUMNS."""
    id_, created_at_ms, mode, line_items, reference, success_url, cancel_url, url, *rest = row
    session_id, amount_minor, currency = rest
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
    )


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
    """In the order in which ADD_EVENT names them."""
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


def payment_to_row(payment: Payment) -> tuple[object, ...]:
    """In the order in which SAVE_PAYMENT names them."""
    facts = payment.facts
    return (
        payment.session_id,
        facts.checkout_id,
        facts.status,
        facts.amount_total_minor,
        facts.currency,
        facts.paid_at_s,
        facts_to_json(facts),
        payment.updated_at_ms,
        payment.price_mismatch,
    )


def row_to_payment(row: Row) -> Payment:
    """From the order of PAYMENT_COLUMNS."""
    session_id, facts, updated_at_ms, price_mismatch = row
    return Payment(
        session_id=session_id,
        facts=facts_from_json(facts),
        updated_at_ms=updated_at_ms,
        price_mismatch=bool(price_mismatch),
    )
