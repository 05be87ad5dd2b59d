"""Rows for the tests of every database, and functions that write them."""

from collections.abc import Collection, Sequence
from typing import TypeVar

from app.domain.checkout.cart import Cart, LineItem, Mode
from app.domain.fold.outcome import Outcome
from app.domain.fold.records import EventState, Link, Mention, Payment, Renewal, Wake
from app.domain.payments.facts import PaymentFacts
from app.usecases.records import Checkout, EventRow
from app.usecases.storage import Transaction
from tests.support.builders import CHECKOUT_ID, NOW_S, SESSION_ID

T = TypeVar("T")

NOW_MS = NOW_S * 1000
OTHER_SESSION_ID = "cs_test_b2"

CHECKOUT = Checkout(
    id=CHECKOUT_ID,
    created_at_ms=NOW_MS,
    cart=Cart((LineItem("price_A", 2), LineItem("price_B", 1)), Mode.SUBSCRIPTION),
    client_reference_id="order-42",
    success_url="https://shop.example/?session_id={CHECKOUT_SESSION_ID}",
    cancel_url="https://shop.example/cart",
    url="https://checkout.stripe.com/c/pay/cs_test_a1",
    session_id=SESSION_ID,
)
EVENT = EventRow(
    id="evt_1",
    type="customer.created",
    created_s=NOW_S,
    received_at_ms=NOW_MS,
    account=None,
    livemode=False,
    state=EventState.RECORDED,
    reason=None,
    payload=b"{}",
)
PAYMENT = Payment(
    session_id=SESSION_ID,
    facts=PaymentFacts(paid=True, checkout_id=CHECKOUT_ID),
    updated_at_ms=NOW_MS,
)


Kept = Checkout | EventRow | Payment | Renewal | Link | Mention | Wake


async def put(transaction: Transaction, *kept: Kept) -> Collection[str]:
    """Write rows by hand, as no use case would; the ids of those events that are new."""
    for checkout in _of(Checkout, kept):
        await transaction.add_checkout(checkout)
    outcome = Outcome(
        payments=_of(Payment, kept),
        renewals=_of(Renewal, kept),
        links=_of(Link, kept),
        mentions=_of(Mention, kept),
        wakes=_of(Wake, kept),
    )
    return await transaction.record(_of(EventRow, kept), outcome)


def _of(kind: type[T], kept: Sequence[object]) -> list[T]:
    return [row for row in kept if isinstance(row, kind)]


async def add_event(transaction: Transaction) -> None:
    await put(transaction, EVENT)
    await transaction.commit()


async def add_checkout(transaction: Transaction) -> None:
    await put(transaction, CHECKOUT)
    await transaction.commit()


async def save_payment(transaction: Transaction) -> None:
    await put(transaction, PAYMENT)
    await transaction.commit()
