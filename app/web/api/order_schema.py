"""The order document's schema, for /openapi.json; `order_document` builds the document."""

from typing import Final

from app.domain.checkout.cart import CreatedBy
from app.domain.payments.flags import Flag
from app.web.openapi import MOMENT, TEXT, Schema, object_schema, or_null
from app.web.payment_json import MODE, PAYMENT

_AMOUNT: Final[Schema] = {"type": "integer", "description": "In the currency's minor unit."}
_MAP: Final[Schema] = {"type": "object", "additionalProperties": True}
_LINE_ITEM: Final = object_schema("OrderLineItem", {"price": TEXT, "quantity": {"type": "integer"}})
_CUSTOMER: Final = object_schema(
    "OrderCustomer",
    {
        "email": or_null(TEXT),
        "name": or_null(TEXT),
        "phone": or_null(TEXT),
        "address": or_null(_MAP),
    },
)
_SHIPPING: Final = object_schema("OrderShipping", {"name": or_null(TEXT), "address": or_null(_MAP)})
_SUBSCRIPTION: Final = object_schema(
    "OrderSubscription",
    {
        "id": TEXT,
        "status": or_null(TEXT),
        "current_period_end": or_null(MOMENT),
        "cancel_at": or_null(MOMENT),
        "cancel_at_period_end": or_null({"type": "boolean"}),
        "renewals_paid": {"type": "integer"},
    },
)
_REFUND: Final = object_schema("OrderRefund", {"id": TEXT, "amount": _AMOUNT, "status": TEXT})
_DISPUTE: Final = object_schema(
    "OrderDispute",
    {
        "id": TEXT,
        "amount": _AMOUNT,
        "status": TEXT | {"description": "Stripe's name for it."},
        "reason": or_null(TEXT),
        "evidence_due_by": or_null(MOMENT),
    },
)
ORDER: Final = object_schema(
    "Order",
    {
        "id": TEXT
        | {"description": "The checkout's id, or the session's if there is no checkout."},
        "checkout_id": or_null(TEXT),
        "session_id": or_null(TEXT),
        "client_reference_id": or_null(TEXT),
        "created_by": or_null({"type": "string", "enum": [each.value for each in CreatedBy]}),
        "mode": or_null(MODE),
        "livemode": or_null({"type": "boolean"}),
        "status": PAYMENT["properties"]["status"],
        "currency": or_null(TEXT),
        **{
            f"amount_{name}": or_null(_AMOUNT)
            for name in ("subtotal", "discount", "tax", "shipping", "total")
        },
        "amount_refunded": _AMOUNT,
        "presentment": or_null(
            object_schema("OrderPresentment", {"amount": _AMOUNT, "currency": TEXT})
        ),
        "line_items": {"type": "array", "items": _LINE_ITEM},
        "line_items_source": or_null({"type": "string", "enum": ["cart", "stripe"]}),
        "customer": or_null(_CUSTOMER),
        "shipping": or_null(_SHIPPING),
        "custom_fields": {"type": "array", "items": _MAP},
        "metadata": _MAP,
        "payment_intent": or_null(TEXT),
        "subscription": or_null(_SUBSCRIPTION),
        "refunds": {"type": "array", "items": _REFUND},
        "disputes": {"type": "array", "items": _DISPUTE},
        "flags": {
            "type": "array",
            "items": {"type": "string", "enum": [flag.value for flag in Flag]},
        },
        "created_at": MOMENT,
        "paid_at": or_null(MOMENT),
        "updated_at": MOMENT,
        "version": {
            "type": "integer",
            "description": "Increases with every change to this document.",
        },
    },
)
