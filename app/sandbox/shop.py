"""A small shop that sells through the service: product cards, plain forms, a thanks page."""

import re
from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.sandbox.config import SandboxConfig
from app.sandbox.faults import FAULTS
from app.sandbox.pages import Pages, origin_of
from app.sandbox.prices import BEANS, CLUB, MUG, POT, Mode, Price
from app.sandbox.purchases import PurchaseReader

PURCHASE_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A card in the shop; several prices make a set, bought with one click."""

    title: str
    text: str
    image: str
    prices: tuple[tuple[Price, int], ...]
    """Each price and the quantity that its field starts with."""
    mode: Mode = Mode.PAYMENT


PRODUCTS: Final = (
    Product(
        title=MUG.name,
        text="Thrown by hand, glazed inside, holds three espressos or one long morning.",
        image="mug.svg",
        prices=((MUG, 1),),
    ),
    Product(
        title=BEANS.name,
        text="Dark, round, a little chocolate. Roasted on Tuesdays.",
        image="beans.svg",
        prices=((BEANS, 1),),
    ),
    Product(
        title="Breakfast set",
        text="A pot and beans to fill it: one cart with two lines.",
        image="pot.svg",
        prices=((POT, 1), (BEANS, 2)),
    ),
    Product(
        title=CLUB.name,
        text="Fresh beans at your door every month, until you say stop.",
        image="club.svg",
        prices=((CLUB, 1),),
        mode=Mode.SUBSCRIPTION,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """`/`, `/sandbox/faults` and `/thanks`."""

    config: SandboxConfig
    pages: Pages
    purchases: PurchaseReader

    async def show(self, _request: Request) -> Response:
        """Show what is for sale."""
        return self._with_forms("shop.html")

    async def show_faults(self, _request: Request) -> Response:
        """Show what can be made to fail, each with a button that buys it."""
        return self._with_forms("faults.html")

    async def thank(self, request: Request) -> Response:
        """Show what the service knows about the purchase, and look again until it is settled."""
        query = request.query_params
        purchase_id = query.get("checkout_id") or query.get("session_id") or ""
        if not PURCHASE_ID.fullmatch(purchase_id):
            raise HTTPException(400, "This address names no purchase.")
        purchase = await self.purchases.read(purchase_id)
        return self.pages.render("thanks.html", purchase=purchase, purchase_id=purchase_id)

    def _with_forms(self, template: str) -> Response:
        """A page whose forms go to the service."""
        public_url = self.config.public_url.rstrip("/")
        checkout_url = self.config.checkout_url.rstrip("/")
        service = origin_of(checkout_url)
        return self.pages.render(
            template,
            connect=service,
            # The form goes to the service, whose redirect leads back here to the hosted page.
            submit=f"'self' {service} {origin_of(public_url)}",
            checkout_endpoint=f"{checkout_url}/checkout",
            success_url=f"{public_url}/thanks",
            cancel_url=f"{public_url}/",
            products=PRODUCTS,
            faults=FAULTS,
        )
