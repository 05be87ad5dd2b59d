"""Stripe's objects in the shapes of API 2026-10-28, as small as a webhook's reader needs."""

from app.sandbox.sessions import Session

JsonObject = dict[str, object]

SESSION_LIFETIME_S = 24 * 60 * 60
PERIOD_S = 30 * 24 * 60 * 60


def session_object(session: Session) -> JsonObject:
    """Return the `checkout.session`."""
    order = session.order
    recurring = session.subscription_id is not None
    return {
        "id": session.id,
        "object": "checkout.session",
        "amount_subtotal": order.amount_minor,
        "amount_total": order.amount_minor,
        "cancel_url": order.cancel_url,
        "client_reference_id": None,
        "created": session.created,
        "currency": order.currency,
        "customer": session.customer_id,
        "customer_details": None,
        "expires_at": session.created + SESSION_LIFETIME_S,
        "invoice": session.invoice_id,
        "livemode": False,
        "metadata": {},
        "mode": order.mode.value,
        # A subscription's payment belongs to its invoice, never to the session.
        "payment_intent": None if recurring else session.payment_intent_id,
        "payment_method_types": ["card", "us_bank_account"],
        "payment_status": session.payment_status,
        "status": session.status,
        "subscription": session.subscription_id,
        "success_url": order.success_url,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted",
        "url": None,
    }


def payment_intent_object(session: Session, status: str) -> JsonObject:
    """Return the `payment_intent` in Stripe's `status`."""
    amount_minor = session.order.amount_minor
    succeeded = status == "succeeded"
    return {
        "id": session.payment_intent_id,
        "object": "payment_intent",
        "amount": amount_minor,
        "amount_received": amount_minor if succeeded else 0,
        "capture_method": "automatic",
        "created": session.created,
        "currency": session.order.currency,
        "customer": session.customer_id,
        "last_payment_error": None,
        "latest_charge": session.charge_id if succeeded else None,
        "livemode": False,
        "metadata": {},
        "payment_method_types": ["card", "us_bank_account"],
        "status": status,
    }


def failed_payment_intent_object(session: Session, *, code: str, message: str) -> JsonObject:
    """Return the `payment_intent` after a refused payment, which may be tried again."""
    intent = payment_intent_object(session, "requires_payment_method")
    intent["last_payment_error"] = {"code": code, "message": message, "type": "card_error"}
    return intent


def charge_object(session: Session) -> JsonObject:
    """Return the succeeded `charge`."""
    amount_minor = session.order.amount_minor
    return {
        "id": session.charge_id,
        "object": "charge",
        "amount": amount_minor,
        "amount_captured": amount_minor,
        "amount_refunded": 0,
        "captured": True,
        "created": session.created,
        "currency": session.order.currency,
        "customer": session.customer_id,
        "disputed": False,
        "failure_code": None,
        "livemode": False,
        "metadata": {},
        "outcome": {"network_status": "approved_by_network", "risk_level": "normal"},
        "paid": True,
        "payment_intent": session.payment_intent_id,
        "refunded": False,
        "status": "succeeded",
    }


def subscription_object(session: Session, status: str) -> JsonObject:
    """Return the `subscription` in Stripe's `status`."""
    items = [
        {
            "id": f"si_{index}_{session.subscription_id}",
            "object": "subscription_item",
            "current_period_end": session.created + PERIOD_S,
            "current_period_start": session.created,
            "price": {
                "id": line.price.id,
                "object": "price",
                "currency": line.price.currency,
                "recurring": {"interval": line.price.interval, "interval_count": 1},
                "type": "recurring",
                "unit_amount": line.price.unit_amount_minor,
            },
            "quantity": line.quantity,
            "subscription": session.subscription_id,
        }
        for index, line in enumerate(session.order.lines)
        if line.price.interval is not None
    ]
    return {
        "id": session.subscription_id,
        "object": "subscription",
        "cancel_at_period_end": False,
        "collection_method": "charge_automatically",
        "created": session.created,
        "currency": session.order.currency,
        "customer": session.customer_id,
        "items": {"object": "list", "data": items, "has_more": False},
        "latest_invoice": session.invoice_id,
        "livemode": False,
        "metadata": {},
        "start_date": session.created,
        "status": status,
    }


def invoice_object(session: Session, status: str) -> JsonObject:
    """Return the subscription's first `invoice`, `paid` or `open`.

    Its links have the shape in use since API 2025-03-31: the subscription under `parent`, the
    payment intent under `payments`.
    """
    amount_minor = session.order.amount_minor
    paid_minor = amount_minor if status == "paid" else 0
    return {
        "id": session.invoice_id,
        "object": "invoice",
        "amount_due": amount_minor,
        "amount_paid": paid_minor,
        "amount_remaining": amount_minor - paid_minor,
        "billing_reason": "subscription_create",
        "collection_method": "charge_automatically",
        "created": session.created,
        "currency": session.order.currency,
        "customer": session.customer_id,
        "livemode": False,
        "metadata": {},
        "parent": {
            "type": "subscription_details",
            "subscription_details": {"metadata": {}, "subscription": session.subscription_id},
            "quote_details": None,
        },
        "payments": {
            "object": "list",
            "data": [_invoice_payment(session, status, paid_minor)],
            "has_more": False,
        },
        "status": status,
        "subtotal": amount_minor,
        "total": amount_minor,
    }


def _invoice_payment(session: Session, status: str, paid_minor: int) -> JsonObject:
    return {
        "id": f"inpay_{session.payment_intent_id}",
        "object": "invoice_payment",
        "amount_paid": paid_minor,
        "amount_requested": session.order.amount_minor,
        "currency": session.order.currency,
        "invoice": session.invoice_id,
        "is_default": True,
        "payment": {"type": "payment_intent", "payment_intent": session.payment_intent_id},
        "status": status,
    }
