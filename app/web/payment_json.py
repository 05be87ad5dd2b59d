"""The payment as JSON, for the status, its stream and the page; and its schema."""

import hashlib

import orjson

from app.domain.checkout.cart import Mode
from app.domain.moments import rfc3339, rfc3339_of
from app.domain.payments.status import PaymentStatus
from app.usecases.records import PaymentView, SubscriptionView
from app.web.openapi import MOMENT, TEXT, Schema, object_schema, or_null

MODE: Schema = {
    "title": "Mode",
    "type": "string",
    "enum": [mode.value for mode in Mode],
    "description": "The default is payment.",
}
_STATUS: Schema = {
    "title": "PaymentStatus",
    "type": "string",
    "enum": [status.value for status in PaymentStatus],
}
_AMOUNT: Schema = {"type": "integer", "description": "In the currency's minor unit."}
_SUBSCRIPTION = object_schema(
    "Subscription",
    {
        "id": TEXT,
        "status": or_null(TEXT) | {"description": "Stripe's name for it."},
        "current_period_end": or_null(MOMENT),
        "cancel_at": or_null(MOMENT),
        "cancel_at_period_end": or_null({"type": "boolean"}),
    },
)
PAYMENT = object_schema(
    "Payment",
    {
        "checkout_id": or_null(TEXT),
        "session_id": or_null(TEXT),
        "mode": or_null(MODE),
        "status": _STATUS,
        "amount_total": or_null(_AMOUNT),
        "currency": or_null(TEXT) | {"description": "ISO 4217, in lower case."},
        "amount_refunded": _AMOUNT,
        "paid_at": or_null(MOMENT),
        "updated_at": MOMENT,
        "subscription": or_null(_SUBSCRIPTION),
    },
    "subscription",
    description="A checkout's payment. Only a subscription has `subscription`.",
)


def status_document(view: PaymentView) -> bytes:
    """Return the status object as JSON. Only a subscription has `subscription`."""
    document: dict[str, object] = {
        "checkout_id": view.checkout_id,
        "session_id": view.session_id,
        "mode": view.mode,
        "status": view.status,
        "amount_total": view.amount_total_minor,
        "currency": view.currency,
        "amount_refunded": view.amount_refunded_minor,
        "paid_at": rfc3339_of(view.paid_at_s),
        "updated_at": rfc3339(view.updated_at_ms),
    }
    if view.mode is Mode.SUBSCRIPTION:
        document["subscription"] = _subscription(view.subscription)
    return orjson.dumps(document)


def etag_of(body: bytes) -> str:
    """Return the ETag of a status object."""
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def _subscription(view: SubscriptionView | None) -> dict[str, object] | None:
    if view is None:
        return None
    return {
        "id": view.id,
        "status": view.status,
        "current_period_end": rfc3339_of(view.current_period_end_s),
        "cancel_at": rfc3339_of(view.cancel_at_s),
        "cancel_at_period_end": view.cancel_at_period_end,
    }
