"""Stripe's objects in the shapes of API 2026-10-28, reduced to what a webhook consumer needs."""

from sandbox.stripe.sessions import Session

JsonObject = dict[str, object]

SESSION_LIFETIME_S = 24 * 60 * 60
_BUYER = "Jo Buyer"
_ADDRESS: JsonObject = {
    "city": "Springfield",
    "country": "US",
    "line1": "12 Main Street",
    "line2": None,
    "postal_code": "12345",
    "state": "OR",
}


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
        "client_reference_id": order.further.get("client_reference_id"),
        "created": session.created,
        "currency": order.currency,
        "customer": session.customer_id,
        "collected_information": {"shipping_details": _shipping_of(session)},
        "customer_details": _customer_of(session),
        "customer_email": order.further.get("customer_email"),
        "expires_at": session.created + SESSION_LIFETIME_S,
        "invoice": session.invoice_id,
        "livemode": False,
        "locale": order.further.get("locale"),
        "metadata": order.further.get("metadata", {}),
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


def _customer_of(session: Session) -> JsonObject | None:
    """Return what the buyer entered on the payment page, once it is submitted."""
    if session.status != "complete":
        return None
    return {
        "address": _ADDRESS,
        "email": session.order.further.get("customer_email") or "jo@buyer.example",
        "name": _BUYER,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def _shipping_of(session: Session) -> JsonObject | None:
    """Return where to send it: since 2025-03-31 in `collected_information`; none for a club."""
    if session.status != "complete" or session.subscription_id is not None:
        return None
    return {"address": _ADDRESS, "name": _BUYER}


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
    """Return the succeeded `charge` with its refunds."""
    amount_minor = session.order.amount_minor
    return {
        "id": session.charge_id,
        "object": "charge",
        "amount": amount_minor,
        "amount_captured": amount_minor,
        "amount_refunded": session.refunded_minor,
        "captured": True,
        "created": session.created,
        "currency": session.order.currency,
        "customer": session.customer_id,
        "disputed": session.dispute is not None,
        "failure_code": None,
        "livemode": False,
        "metadata": {},
        "outcome": {"network_status": "approved_by_network", "risk_level": "normal"},
        "paid": True,
        "payment_intent": session.payment_intent_id,
        "refunded": session.refunded_minor == amount_minor,
        "status": "succeeded",
    }
