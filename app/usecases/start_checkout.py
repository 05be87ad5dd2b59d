"""Turns a cart into a payment page."""

from collections.abc import Callable
from dataclasses import dataclass

from app.domain.checkout.cart import CheckoutRequest, CreatedBy
from app.domain.checkout.catalog import Catalog
from app.domain.checkout.claims import key_digest
from app.domain.checkout.redirects import RedirectPolicy
from app.domain.errors import CommitInDoubtError
from app.domain.money import ExpectedSubtotal
from app.usecases.ports import CartLimits, CheckoutIds, Clock, PaymentPages
from app.usecases.records import Checkout, SessionOrder
from app.usecases.storage import Database, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A checkout that may be started, with what its payment page is asked with."""

    checkout_id: str
    request: CheckoutRequest
    order: SessionOrder
    key: str
    expected: ExpectedSubtotal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCheckout:
    """Gets a payment page, and stores the checkout before the buyer is redirected.

    `catalog` returns what is for sale now; None means any price. `on_start` is called with each
    checkout that was committed.
    """

    redirects: RedirectPolicy
    catalog: Callable[[], Catalog | None]
    limits: CartLimits
    payment_pages: PaymentPages
    database: Database
    clock: Clock
    ids: CheckoutIds
    on_start: Callable[[Checkout], None] = lambda _: None

    async def __call__(self, request: CheckoutRequest) -> Checkout:
        """Start one checkout; when this returns, its row is on disk and its URL may be shown.

        If the commit fails, the session at Altan Pay is harmless: its URL was never shown, so
        nobody can pay it, and it expires.

        Raises:
            PriceNotForSaleError: the catalog does not sell this cart.
            RateLimitedError: too many are started, for these prices or in all.
            RedirectNotAllowedError: a return URL is not the shop's.
            StorageUnavailableError: it is not stored; no session was created if that was known.
            CartRefusedError, ServiceFailedError: as the ports raise them.
        """
        checkout = await self.make(await self.admit(request, self.new_id()))

        async def keep(transaction: Transaction) -> None:
            await transaction.add_checkout(checkout)
            await transaction.commit()

        try:
            await self.database.write(keep)
        except CommitInDoubtError:
            if await self.database.find_checkout(checkout.id) is None:
                raise
        self.on_start(checkout)
        return checkout

    def new_id(self) -> str:
        """Return an id for a new checkout."""
        return self.ids.new(self.clock.now_ms())

    async def admit(self, request: CheckoutRequest, checkout_id: str) -> Admission:
        """Check all that can be checked before anything is written, and count the checkout.

        Altan Pay is not called later if it is known now that the checkout could not be stored.

        Raises:
            PriceNotForSaleError, RateLimitedError, RedirectNotAllowedError,
            StorageUnavailableError: see `__call__`.
        """
        catalog = self.catalog()
        if catalog:
            catalog.check(request)
        key = self.ids.new_key()
        order = self._order(request, checkout_id, key)
        await self.database.require_writable()
        prices = [item.price for item in order.cart.line_items]
        is_servers = request.created_by is CreatedBy.SERVER
        await self.limits.check_cart(None if is_servers else request.client, prices)
        return Admission(
            checkout_id=checkout_id,
            request=request,
            order=order,
            key=key,
            expected=catalog.expected_subtotal(order.cart) if catalog else None,
        )

    async def make(self, admission: Admission) -> Checkout:
        """Get the payment page; the returned checkout is not on disk yet."""
        request, order = admission.request, admission.order
        page = await self.payment_pages.create(order)
        return Checkout(
            id=admission.checkout_id,
            created_at_ms=self.clock.now_ms(),
            cart=order.cart,
            expected=admission.expected,
            client_reference_id=request.client_reference_id,
            created_by=request.created_by,
            success_url=self._success_url(request, admission.checkout_id),
            cancel_url=order.cancel_url,
            url=page.url,
            session_id=page.session_id,
            key_digest=key_digest(admission.key),
        )

    def _order(self, request: CheckoutRequest, checkout_id: str, key: str) -> SessionOrder:
        return SessionOrder(
            cart=request.cart,
            client=request.client,
            passed=request.passed,
            created_by=request.created_by,
            success_url=self._success_url(request, checkout_id, key),
            cancel_url=self.redirects.cancel_url(
                request.cancel_url, pointer=f"{request.at}/cancel_url"
            ),
        )

    def _success_url(
        self, request: CheckoutRequest, checkout_id: str, key: str | None = None
    ) -> str:
        """Return the URL, with the checkout's secret for the payment page, without it to store."""
        return self.redirects.success_url(
            request.success_url,
            checkout_id=checkout_id,
            key=key,
            pointer=f"{request.at}/success_url",
        )
