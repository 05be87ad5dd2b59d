"""Stripe's subscription object, and the invoices of its first payment and its renewals."""

from dataclasses import dataclass

from sandbox.stripe.objects import JsonObject
from sandbox.stripe.sessions import Renewal, Session

PERIOD_S = 30 * 24 * 60 * 60


def subscription_object(session: Session, status: str) -> JsonObject:
    """Return the `subscription` in Stripe's `status`."""
    period_start = session.created + len(session.renewals) * PERIOD_S
    items = [
        {
            "id": f"si_{index}_{session.subscription_id}",
            "object": "subscription_item",
            "current_period_end": period_start + PERIOD_S,
            "current_period_start": period_start,
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
        "canceled_at": session.canceled_at,
        "collection_method": "charge_automatically",
        "created": session.created,
        "currency": session.order.currency,
        "customer": session.customer_id,
        "ended_at": session.canceled_at,
        "items": {"object": "list", "data": items, "has_more": False},
        "latest_invoice": session.renewals[-1].invoice_id
        if session.renewals
        else session.invoice_id,
        "livemode": False,
        "metadata": {},
        "start_date": session.created,
        "status": status,
    }


def invoice_object(session: Session, status: str) -> JsonObject:
    """Return the subscription's first `invoice`, `paid` or `open`."""
    bill = _Bill(
        invoice_id=session.invoice_id,
        payment_intent_id=session.payment_intent_id,
        amount_minor=session.order.amount_minor,
        reason="subscription_create",
    )
    return _invoice(session, bill, status)


def renewal_invoice_object(session: Session, renewal: Renewal) -> JsonObject:
    """Return the paid `invoice` of a later period."""
    bill = _Bill(
        invoice_id=renewal.invoice_id,
        payment_intent_id=renewal.payment_intent_id,
        amount_minor=session.order.recurring_minor,
        reason="subscription_cycle",
    )
    return _invoice(session, bill, "paid")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bill:
    invoice_id: str | None
    payment_intent_id: str | None
    amount_minor: int
    reason: str


def _invoice(session: Session, bill: _Bill, status: str) -> JsonObject:
    """Return an invoice in the shape used since API 2025-03-31.

    The subscription is under `parent`, the payment intent under `payments`.
    """
    paid_minor = bill.amount_minor if status == "paid" else 0
    return {
        "id": bill.invoice_id,
        "object": "invoice",
        "amount_due": bill.amount_minor,
        "amount_paid": paid_minor,
        "amount_remaining": bill.amount_minor - paid_minor,
        "billing_reason": bill.reason,
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
            "data": [_invoice_payment(bill, status, paid_minor, session.order.currency)],
            "has_more": False,
        },
        "status": status,
        "subtotal": bill.amount_minor,
        "total": bill.amount_minor,
    }


def _invoice_payment(bill: _Bill, status: str, paid_minor: int, currency: str) -> JsonObject:
    return {
        "id": f"inpay_{bill.payment_intent_id}",
        "object": "invoice_payment",
        "amount_paid": paid_minor,
        "amount_requested": bill.amount_minor,
        "currency": currency,
        "invoice": bill.invoice_id,
        "is_default": True,
        "payment": {"type": "payment_intent", "payment_intent": bill.payment_intent_id},
        "status": status,
    }
