"""What became of a checkout, for whoever holds its unguessable id."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.domain.errors import NotFoundError
from app.domain.identity import CHECKOUT_ID, SESSION_ID
from app.domain.payment import PaymentFacts, PaymentStatus
from app.usecases.records import Checkout, Payment, PaymentView, SubscriptionView
from app.usecases.storage import Database

_STRENGTH: Final = {
    status: strength
    for strength, status in enumerate(
        (
            PaymentStatus.OPEN,
            PaymentStatus.EXPIRED,
            PaymentStatus.FAILED,
            PaymentStatus.PROCESSING,
            PaymentStatus.PAID,
            PaymentStatus.PARTIALLY_REFUNDED,
            PaymentStatus.REFUNDED,
            PaymentStatus.DISPUTED,
        )
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPayment:
    """Reads the latest committed state: what a webhook's 2xx promised is visible here."""

    database: Database

    async def __call__(self, public_id: str) -> PaymentView:
        """The payment of a checkout id or of a `cs_…` session id.

        Raises:
            NotFoundError: neither a checkout nor an event is known by that id.
        """
        if CHECKOUT_ID.fullmatch(public_id):
            return await self._by_checkout_id(public_id)
        if SESSION_ID.fullmatch(public_id):
            return await self._by_session_id(public_id)
        raise _not_found()

    async def _by_checkout_id(self, checkout_id: str) -> PaymentView:
        checkout = await self.database.find_checkout(checkout_id)
        if checkout is None:
            raise _not_found()
        if checkout.session_id is not None:
            payment = await self.database.find_payment(checkout.session_id)
            return _view(checkout, payment, version=payment.version if payment else 0)
        claims = await self.database.find_payments_claiming(checkout_id)
        version = sum(claim.version for claim in claims)
        return _view(checkout, _strongest(claims), version=version)

    async def _by_session_id(self, session_id: str) -> PaymentView:
        payment = await self.database.find_payment(session_id)
        checkout = await self.database.find_checkout_of_session(session_id)
        if checkout is None and payment and payment.facts.checkout_id:
            checkout = await self.database.find_checkout(payment.facts.checkout_id)
            if checkout and checkout.session_id is not None:
                checkout = None  # a retry's spare session: that checkout was paid elsewhere
        if checkout is None and payment is None:
            raise _not_found()
        return _view(checkout, payment, version=payment.version if payment else 0)


def _strongest(claims: Sequence[Payment]) -> Payment | None:
    """Of the sessions made for one checkout, the furthest: a retry leaves a spare one behind."""
    return max(claims, key=lambda payment: _STRENGTH[payment.facts.status], default=None)


def _view(checkout: Checkout | None, payment: Payment | None, *, version: int) -> PaymentView:
    facts = payment.facts if payment else PaymentFacts()
    return PaymentView(
        checkout_id=checkout.id if checkout else None,
        session_id=payment.session_id if payment else checkout.session_id if checkout else None,
        mode=facts.mode or (checkout.cart.mode if checkout else None),
        status=facts.status,
        amount_total_minor=facts.amount_total_minor,
        currency=facts.currency,
        amount_refunded_minor=facts.amount_refunded_minor,
        paid_at_s=facts.first_paid_at_s,
        updated_at_ms=max(
            payment.updated_at_ms if payment else 0, checkout.created_at_ms if checkout else 0
        ),
        subscription=_subscription(facts),
        version=version,
    )


def _subscription(facts: PaymentFacts) -> SubscriptionView | None:
    if facts.subscription_id is None:
        return None
    state = facts.subscription
    return SubscriptionView(
        id=facts.subscription_id,
        status=state.status if state else None,
        current_period_end_s=state.current_period_end_s if state else None,
        cancel_at_s=state.cancel_at_s if state else None,
        cancel_at_period_end=state.cancel_at_period_end if state else None,
    )


def _not_found() -> NotFoundError:
    return NotFoundError("There is no checkout with that id.")
