"""Reads a checkout's payment, for anybody who has its unguessable id."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.domain.errors import NotFoundError
from app.domain.fold.records import Payment
from app.domain.ids import CHECKOUT_ID, SESSION_ID
from app.domain.payments.claims import RECOVERIES_MAX, is_owner
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.status import PaymentStatus
from app.usecases.payment_lookup import PaymentDatabase
from app.usecases.records import Checkout, PageDetails, PaymentView, SubscriptionView

_STRENGTH: Final = {
    status: strength
    for strength, status in enumerate(
        (
            PaymentStatus.OPEN,
            PaymentStatus.EXPIRED,
            PaymentStatus.FAILED,
            PaymentStatus.PROCESSING,
            PaymentStatus.REFUNDED,
            PaymentStatus.PARTIALLY_REFUNDED,
            PaymentStatus.PAID,
            PaymentStatus.DISPUTED,
        )
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPayment:
    """Reads the latest committed state: what a webhook's 2xx promised is visible here."""

    database: PaymentDatabase

    async def __call__(self, public_id: str) -> PaymentView:
        """Return the payment with this checkout id or `cs_…` session id.

        Raises:
            NotFoundError: no checkout and no event has this id.
        """
        if CHECKOUT_ID.fullmatch(public_id):
            return await self._by_checkout_id(public_id)
        if SESSION_ID.fullmatch(public_id):
            return await self._by_session_id(public_id)
        raise _not_found()

    async def checkout_claimed_by(self, payment: Payment) -> Checkout | None:
        """Return the checkout that a session was created for, if the checkout does not know it.

        Or the checkout of the session that this one recovers, and so on.
        """
        facts = payment.facts
        if facts.recovered_from:
            checkout = await self.database.find_checkout_recovered(payment.session_id)
            if checkout:
                return checkout
        for _ in range(RECOVERIES_MAX):
            checkout = await self._owner_of(facts)
            if checkout or not facts.recovered_from:
                return checkout
            origin = await self.database.find_payment(facts.recovered_from)
            if origin is None:
                return None
            facts = origin.facts
        return None

    async def _by_checkout_id(self, checkout_id: str) -> PaymentView:
        checkout = await self.database.find_checkout(checkout_id)
        if checkout is None:
            raise _not_found()
        claims = await self.database.find_payments_claiming(checkout_id)
        found = {each.session_id: each for each in claims if is_owner(checkout, each.facts)}
        # Only an expired session can be recovered, and some success URLs lack the secret.
        origins = [id_ for id_, each in found.items() if each.facts.expired]
        for session_id in (checkout.session_id, *origins):
            recoveries = await self.database.find_recoveries(session_id) if session_id else ()
            found |= {payment.session_id: payment for payment in recoveries}
        return _view(checkout, list(found.values()))

    async def _by_session_id(self, session_id: str) -> PaymentView:
        found = await self.database.find_recoveries(session_id)
        # Without facts it is not a payment: a repair removed what an older version had counted as
        # one.
        payments = [each for each in found if each.facts != PaymentFacts()]
        payment = next((each for each in payments if each.session_id == session_id), None)
        checkout = await self.database.find_checkout_of_session(session_id)
        if checkout is None and payment:
            checkout = await self.checkout_claimed_by(payment)
        if checkout is None and not payments:
            raise _not_found()
        return _view(checkout, payments)

    async def _owner_of(self, facts: PaymentFacts) -> Checkout | None:
        """Return the checkout that a session's own success URL names and proves."""
        if facts.checkout_id is None:
            return None
        checkout = await self.database.find_checkout(facts.checkout_id)
        return checkout if checkout and is_owner(checkout, facts) else None


def strongest(payments: Sequence[Payment]) -> Payment | None:
    """Return the session that got furthest, because retries leave spare sessions.

    And recoveries leave expired ones. If two were paid, one that still has the money counts more
    than a refunded one; of equal ones, the first by id.
    """
    in_order = sorted(payments, key=lambda payment: payment.session_id)
    return max(in_order, key=lambda payment: _STRENGTH[payment.facts.status], default=None)


def _view(checkout: Checkout | None, payments: Sequence[Payment]) -> PaymentView:
    payment = strongest(payments)
    facts = payment.facts if payment else PaymentFacts()
    session_ids = {each.session_id for each in payments}
    if checkout and checkout.session_id:
        session_ids.add(checkout.session_id)
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
        version=sum(each.version for each in payments),
        session_ids=frozenset(session_ids),
        is_final=facts.is_final and all(each.facts.is_final for each in payments),
        page=_page_details(checkout, facts),
    )


def _page_details(checkout: Checkout | None, facts: PaymentFacts) -> PageDetails:
    number = checkout.client_reference_id if checkout else None
    if number is None and facts.details:
        number = facts.details.client_reference_id
    intents, disputes = facts.intents.values(), facts.disputes.values()
    bought = facts.details.bought if facts.details else ()
    return PageDetails(
        order_number=number,
        line_items=bought or (checkout.cart.line_items if checkout else ()),
        cancel_url=checkout.cancel_url if checkout else None,
        is_declined=facts.status is PaymentStatus.EXPIRED
        # Not while it is open: another attempt may have succeeded a moment ago.
        and any(intent.was_declined for intent in intents),
        is_lost=facts.status is PaymentStatus.DISPUTED
        and not any(dispute.is_open for dispute in disputes),
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
