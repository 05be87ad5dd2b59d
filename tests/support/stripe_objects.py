"""Stripe's objects, as in `data.object`: everything that the domain reads, with defaults.

The ids match: one payment of 1999 minor units, whose intent is `pi_1` and charge `ch_1`,
and a subscription `sub_1` with its first invoice `in_1`.
"""

from tests.support.builders import NOW_S, Document


def listing(*objects: Document) -> Document:
    """Return a list, as Stripe sends it."""
    return {"object": "list", "data": list(objects), "has_more": False}


def payment_intent(**changes: object) -> Document:
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 1999,
        "currency": "eur",
        "latest_charge": "ch_1",
        "status": "succeeded",
    } | changes


def charge(**changes: object) -> Document:
    return {
        "id": "ch_1",
        "object": "charge",
        "amount": 1999,
        "amount_refunded": 0,
        "payment_intent": "pi_1",
    } | changes


def refund(**changes: object) -> Document:
    return {
        "id": "re_1",
        "object": "refund",
        "amount": 500,
        "charge": "ch_1",
        "payment_intent": "pi_1",
        "status": "succeeded",
    } | changes


def dispute(**changes: object) -> Document:
    return {
        "id": "dp_1",
        "object": "dispute",
        "amount": 1999,
        "charge": "ch_1",
        "payment_intent": "pi_1",
        "status": "needs_response",
    } | changes


def review(**changes: object) -> Document:
    return {
        "id": "prv_1",
        "object": "review",
        "charge": None,
        "payment_intent": "pi_1",
        "open": True,
    } | changes


def fraud_warning(**changes: object) -> Document:
    return {"id": "issfr_1", "object": "radar.early_fraud_warning", "charge": "ch_1"} | changes


def subscription(**changes: object) -> Document:
    return {
        "id": "sub_1",
        "object": "subscription",
        "status": "active",
        "latest_invoice": "in_1",
        "cancel_at_period_end": False,
        "items": listing({"id": "si_1", "current_period_end": NOW_S + 2_592_000}),
    } | changes


def invoice(**changes: object) -> Document:
    """Return an invoice since 2025-03-31, with its links under `parent` and `payments`."""
    return {
        "id": "in_1",
        "object": "invoice",
        "amount_paid": 1999,
        "billing_reason": "subscription_create",
        "parent": {
            "type": "subscription_details",
            "subscription_details": {"subscription": "sub_1"},
        },
        "payments": listing(
            {"id": "inpay_1", "payment": {"type": "payment_intent", "payment_intent": "pi_1"}}
        ),
    } | changes


def old_invoice(**changes: object) -> Document:
    """Return an invoice before 2025-03-31, with its links at the top level."""
    return {
        "id": "in_1",
        "object": "invoice",
        "amount_paid": 1999,
        "billing_reason": "subscription_create",
        "subscription": "sub_1",
        "payment_intent": "pi_1",
        "charge": "ch_1",
    } | changes


def invoice_payment(**changes: object) -> Document:
    return {
        "id": "inpay_1",
        "object": "invoice_payment",
        "invoice": "in_1",
        "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
    } | changes
