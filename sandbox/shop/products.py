"""What the shop sells: each product has one price, a few words and a picture."""

from dataclasses import dataclass
from typing import Final

from sandbox.shop.prices import BEANS, CLUB, DRIPPER, GRINDER, MUG, POT, Mode, Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A card in the shop; its slug is its name in addresses, forms and pictures."""

    slug: str
    price: Price
    text: str
    picture: str
    """The picture in words, for whoever does not see it."""

    @property
    def mode(self) -> Mode:
        """A price that is due again and again is a subscription."""
        return Mode.SUBSCRIPTION if self.price.interval else Mode.PAYMENT


SHOP_NAME: Final = "Slow Morning"
PRODUCTS: Final = (
    Product(
        slug="beans",
        price=BEANS,
        text="Dark, round, a little chocolate. Roasted on Tuesdays.",
        picture="A paper bag of coffee, and three beans beside it.",
    ),
    Product(
        slug="mug",
        price=MUG,
        text="Thrown by hand, glazed inside. Holds one long morning.",
        picture="A terracotta mug, steaming.",
    ),
    Product(
        slug="pot",
        price=POT,
        text="Three cups, eight corners, and a sound you will wait for.",
        picture="An octagonal moka pot with a dark handle.",
    ),
    Product(
        slug="dripper",
        price=DRIPPER,
        text="Slow, clear coffee, one pour after the other.",
        picture="A glass dripper on a carafe that is half full.",
    ),
    Product(
        slug="grinder",
        price=GRINDER,
        text="Beech and steel. Sixty turns make one good cup.",
        picture="A wooden hand grinder with a crank and a drawer.",
    ),
    Product(
        slug="club",
        price=CLUB,
        text="Fresh beans at your door every month, until you say stop.",
        picture="An open parcel with two bags of coffee in it.",
    ),
)
