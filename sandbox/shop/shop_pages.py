"""A small shop that sells through the service: the shop page, the return page, the fault list.

The service knows nothing about this shop, and the shop knows only the service's URL, so you can
copy its code to any page.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from secrets import randbelow
from uuid import uuid4

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from sandbox.config import SandboxConfig
from sandbox.pages import Pages, origin_of, see_other
from sandbox.shop.cart import QUANTITY_MAX, Cart, read_cart, read_fields
from sandbox.shop.products import PRODUCTS

PURCHASE_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """`/`, `/sandbox/faults` and `/thanks`. `faults` are what can be bought to see a failure."""

    config: SandboxConfig
    pages: Pages
    faults: Mapping[str, object]

    async def show(self, request: Request) -> Response:
        """Show the products and the cart."""
        query = request.query_params
        typed = read_fields(query.getlist("price"), query.getlist("quantity"))
        cart = read_cart({**query, **typed})
        # Without the redirect, a reload would add the product again; and the cart's form sends
        # fields that do not belong in the URL.
        if "add" in query or "remove" in query or typed:
            added = query.get("add")
            return see_other(f"{cart.path}#{added if added in cart.quantities else 'cart'}")
        return self._with_forms("shop.html", cart)

    async def show_faults(self, _request: Request) -> Response:
        """List the fault prices, each with a button that buys it."""
        return self._with_forms("faults.html", Cart(lines=()))

    async def thank(self, request: Request) -> Response:
        """Redirect a returning buyer to the service's success page."""
        query = request.query_params
        purchase_id = query.get("checkout_id") or query.get("session_id") or ""
        if not PURCHASE_ID.fullmatch(purchase_id):
            raise HTTPException(400, "There is no purchase in this URL.")
        return see_other(f"{self._service_url}/checkout/{purchase_id}/page")

    @property
    def _service_url(self) -> str:
        return self.config.checkout_url.rstrip("/")

    def _with_forms(self, template: str, cart: Cart) -> Response:
        """Render a page whose forms and scripts may call the service."""
        public_url = self.config.public_url.rstrip("/")
        service = origin_of(self._service_url)
        return self.pages.render(
            template,
            connect=service,
            # The form posts to the service, which redirects back here, to the hosted page.
            submit=f"'self' {service} {origin_of(public_url)}",
            scripts=f"'self' {service}",
            service_url=self._service_url,
            success_url=f"{public_url}/thanks",
            cancel_url=f"{public_url}{cart.path}",
            new_key=uuid4,
            new_order_number=_new_order_number,
            cart=cart,
            quantity_max=QUANTITY_MAX,
            products=PRODUCTS,
            faults=self.faults,
        )


def _new_order_number() -> str:
    """Return a number that no other order has, which the shop would otherwise count."""
    return f"order-{randbelow(10**8):08d}"
