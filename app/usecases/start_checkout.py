"""A cart becomes a payment page."""

from dataclasses import dataclass

from app.domain.cart import CheckoutRequest
from app.domain.redirects import RedirectPolicy
from app.usecases.ports import (
    Checkout,
    CheckoutIds,
    Clock,
    Database,
    PaymentPages,
    SessionOrder,
    Transaction,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCheckout:
    """Gets a payment page, and keeps the checkout before anybody is sent there."""

    redirects: RedirectPolicy
    payment_pages: PaymentPages
    database: Database
    clock: Clock
    ids: CheckoutIds

    async def __call__(self, request: CheckoutRequest) -> Checkout:
        """Start one checkout; when this returns, its row is on disk and its URL may be shown.

        Should the commit fail, the session that Altan Pay made is not lost money: its URL was
        never shown, so nobody can pay it, and it expires by itself.

        Raises:
            RedirectNotAllowedError: a return address is not the shop's.
            CartRefusedError, ServiceFailedError: as the ports raise them.
        """
        now_ms = self.clock.now_ms()
        checkout_id = self.ids.new(now_ms)
        order = self._order(request, checkout_id)
        page = await self.payment_pages.create(order)
        checkout = Checkout(
            id=checkout_id,
            created_at_ms=now_ms,
            cart=order.cart,
            client_reference_id=request.client_reference_id,
            success_url=order.success_url,
            cancel_url=order.cancel_url,
            url=page.url,
            session_id=page.session_id,
        )

        async def keep(transaction: Transaction) -> None:
            await transaction.add_checkout(checkout)
            await transaction.commit()

        await self.database.write(keep)
        return checkout

    def _order(self, request: CheckoutRequest, checkout_id: str) -> SessionOrder:
        return SessionOrder(
            cart=request.cart,
            success_url=self.redirects.success_url(
                request.success_url,
                checkout_id=checkout_id,
                pointer=f"{request.at}/success_url",
            ),
            cancel_url=self.redirects.cancel_url(
                request.cancel_url, pointer=f"{request.at}/cancel_url"
            ),
        )
