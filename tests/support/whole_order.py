"""An order whose session has every field that an order shows."""

from app.domain.checkout.cart import Cart, CreatedBy, LineItem, Mode
from app.usecases.records import Checkout
from tests.support.builders import (
    CHECKOUT_ID,
    NOW_S,
    SESSION_ID,
    Document,
    session,
)
from tests.support.recording import NOW_MS

ADDRESS = {"city": "Berlin", "country": "DE", "line1": "Weg 1", "line2": None}
FIELDS = [{"key": "engraving", "type": "text", "text": {"value": "To Ana"}}]
WHOLE_SESSION = session(
    amount_subtotal=2000,
    amount_total=1999,
    total_details={"amount_discount": 301, "amount_tax": 200, "amount_shipping": 100},
    presentment_details={"presentment_amount": 2150, "presentment_currency": "usd"},
    created=NOW_S - 60,
    livemode=False,
    customer_details={
        "email": "ana@example.com",
        "name": "Ana Lima",
        "phone": "+49301234",
        "address": ADDRESS,
        "tax_ids": [],
    },
    collected_information={"shipping_details": {"name": "Ana L.", "address": ADDRESS}},
    custom_fields=FIELDS,
    metadata={"cart": "c-7"},
)


def our_checkout(**changes: object) -> Checkout:
    values: Document = {
        "id": CHECKOUT_ID,
        "created_at_ms": NOW_MS,
        "cart": Cart((LineItem("price_A", 2), LineItem("price_B", 1)), Mode.PAYMENT),
        "client_reference_id": "order-42",
        "success_url": "https://shop.example/",
        "cancel_url": "https://shop.example/",
        "url": "https://checkout.stripe.com/pay/x",
        "session_id": SESSION_ID,
        "created_by": CreatedBy.SERVER,
    }
    return Checkout(**(values | changes))
