"""The settings for the service's pages for buyers, and their types."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings

from app.domain.checkout.urls import read_web_url

SHOP_NAME_LENGTH_MAX: Final = 80  # it must fit on the top of a phone's page


def _shop_name(value: str) -> str:
    name = value.strip()
    if not 1 <= len(name) <= SHOP_NAME_LENGTH_MAX or not name.isprintable():
        raise ValueError(f"must be 1 to {SHOP_NAME_LENGTH_MAX} characters on one line")
    return name


def _color(value: str) -> str:
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", value):
        raise ValueError("must be a color like #3366d6 (#rrggbb)")
    return value.lower()


def _portal_url(value: str) -> str:
    try:
        is_https = read_web_url(value).scheme == "https"
    except ValueError as error:
        raise ValueError(f"{error}; copy the portal's link from Stripe's dashboard") from error
    if not is_https:
        raise ValueError("must be https; copy the portal's link from Stripe's dashboard")
    return value


ShopName = Annotated[str, AfterValidator(_shop_name)]
Color = Annotated[str, AfterValidator(_color)]
PortalUrl = Annotated[str, AfterValidator(_portal_url)]


class ShopPageSettings(BaseSettings):
    """The settings for the service's pages for buyers."""

    shop_name: ShopName | None = Field(
        None, description="the shop's name on these pages; unset: APP_URL's host"
    )
    brand_color: Color = Field("#3366d6", description="these pages' color, #rrggbb")
    customer_portal_url: PortalUrl | None = Field(
        None, description="Stripe's customer portal, for buyers with a subscription"
    )
