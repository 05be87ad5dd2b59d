"""What the shop sells: each product has one price, a few words and a picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.shop.prices import BEANS, CLUB, DRIPPER, GRINDER, MUG, POT, Mode, Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A card in the shop; its slug is its name in addresses, forms and pictures."""

    slug: str
    price: Price
    text: str
    picture: str
    """The picture's alternative text."""

    @property
    def mode(self) -> Mode:
        """Subscription if the price is recurring."""
        return Mode.SUBSCRIPTION if self.price.interval else Mode.PAYMENT


SHOP_NAME: Final = "Slow Morning"
CATALOG_PATH: Final = Path(__file__).parent / "catalog.toml"
"""What the service knows of this shop's prices in the demo."""
PRODUCTS: Final = (
    Product(
        slug="beans",
        price=BEANS,
        text="Dark, full-bodied, with a hint of chocolate. Roasted on Tuesdays.",
        picture="A paper bag of coffee and three beans.",
    ),
    Product(
        slug="mug",
        price=MUG,
        text="Hand-thrown and glazed inside. Holds 350\u00a0ml.",
        picture="A terracotta mug, steaming.",
    ),
    Product(
        slug="pot",
        price=POT,
        text="Makes three cups of strong coffee on any stove.",
        picture="An octagonal moka pot with a dark handle.",
    ),
    Product(
        slug="dripper",
        price=DRIPPER,
        text="Clean, clear filter coffee, one cup at a time.",
        picture="A glass dripper on a carafe that is half full.",
    ),
    Product(
        slug="grinder",
        price=GRINDER,
        text="Beech and steel. Sixty turns grind one good cup.",
        picture="A wooden hand grinder with a crank and a drawer.",
    ),
    Product(
        slug="club",
        price=CLUB,
        text="Fresh beans delivered every month. Cancel any time.",
        picture="An open parcel with two bags of coffee in it.",
    ),
)
