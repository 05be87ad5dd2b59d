"""A checkout and its payments, as they are stored."""

from app.domain.checkout.cart import Cart, LineItem, Mode
from app.domain.fold.records import Payment
from app.domain.payments.facts import PaymentFacts
from app.usecases.records import Checkout
from tests.support.builders import CHECKOUT_ID, NOW_S, SESSION_ID

NOW_MS = NOW_S * 1000
SPARE_ID = "cs_test_spare"
OTHER_CHECKOUT_ID = CHECKOUT_ID[:-1] + "v"

CHECKOUT = Checkout(
    id=CHECKOUT_ID,
    created_at_ms=NOW_MS,
    cart=Cart((LineItem("price_A", 2),), Mode.SUBSCRIPTION),
    client_reference_id=None,
    success_url="https://shop.example/",
    cancel_url="https://shop.example/",
    url="https://checkout.stripe.com/c/pay/x",
    session_id=SESSION_ID,
)
PAID = PaymentFacts(
    paid=True,
    paid_at_s=NOW_S + 60,
    mode=Mode.PAYMENT,
    amount_total_minor=1999,
    currency="eur",
    checkout_id=CHECKOUT_ID,
)
OPEN = PaymentFacts(checkout_id=CHECKOUT_ID)
EXPIRED = PaymentFacts(expired=True, checkout_id=CHECKOUT_ID)
FAILED = PaymentFacts(awaits_bank=True, bank_failed=True, checkout_id=CHECKOUT_ID)
PROCESSING = PaymentFacts(awaits_bank=True, checkout_id=CHECKOUT_ID)


def payment(
    facts: PaymentFacts, session_id: str = SESSION_ID, *, updated_at_ms: int = NOW_MS + 9
) -> Payment:
    return Payment(session_id=session_id, facts=facts, updated_at_ms=updated_at_ms)
