"""The prices of the sandbox's simulated Stripe account.

Unknown price ids work too, so that you can try any shop without listing its prices here.
"""

from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """A Checkout Session's mode, in Stripe's words."""

    PAYMENT = "payment"
    SUBSCRIPTION = "subscription"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A Stripe price; `interval` is None for a one-time price."""

    id: str
    name: str
    unit_amount_minor: int
    currency: str = "usd"
    interval: str | None = None


DEFAULT_AMOUNT_MINOR = 1000  # 10.00 USD: easy to recognize and to multiply.

MUG = Price(id="price_sandbox_mug", name="Stoneware mug", unit_amount_minor=1450)
BEANS = Price(id="price_sandbox_beans", name="Coffee beans, 250\u00a0g", unit_amount_minor=1200)
POT = Price(id="price_sandbox_pot", name="Moka pot", unit_amount_minor=3990)
DRIPPER = Price(id="price_sandbox_dripper", name="Glass dripper", unit_amount_minor=2650)
GRINDER = Price(id="price_sandbox_grinder", name="Hand grinder", unit_amount_minor=6400)
CLUB = Price(
    id="price_sandbox_club",
    name="Coffee club",
    unit_amount_minor=1900,
    interval="month",
)
YEN = Price(
    id="price_sandbox_yen",
    name="Postcard from Kyoto",
    unit_amount_minor=500,
    currency="jpy",
)

PRICES = {price.id: price for price in (MUG, BEANS, POT, DRIPPER, GRINDER, CLUB, YEN)}


def find_price(price_id: str, mode: Mode) -> Price:
    """Return the listed price, or a default one that fits the mode."""
    known = PRICES.get(price_id)
    if known is not None:
        return known
    return Price(
        id=price_id,
        name=f"Item {price_id.removeprefix('price_')}",
        unit_amount_minor=DEFAULT_AMOUNT_MINOR,
        interval="month" if mode is Mode.SUBSCRIPTION else None,
    )
