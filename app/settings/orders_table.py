"""The settings for the orders table, and their types."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

from app.domain.checkout.urls import read_web_url
from app.settings.receivers import read_posted_url

_EXAMPLE: Final = "https://db.shop.example/rest/v1/checkout_orders"


def _table_url(value: SecretStr) -> SecretStr:
    url = read_posted_url(value, example=_EXAMPLE)
    if "?" in url.rest:
        raise ValueError(f"must have no query (?…); for example {_EXAMPLE}")
    if not url.rest.strip("/"):
        raise ValueError(f"must name the table; for example {_EXAMPLE}")
    return value


def _table_key(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]{1,4000}", value.get_secret_value()):
        raise ValueError("must be 1 to 4000 printable characters without spaces")
    return value


TableUrl = Annotated[SecretStr, AfterValidator(_table_url)]
TableKey = Annotated[SecretStr, AfterValidator(_table_key)]


class OrdersTableSettings(BaseSettings):
    """The settings for the table that has a row for each order."""

    orders_table_url: TableUrl | None = Field(
        None, description="a PostgREST table (…/rest/v1/checkout_orders) for orders; unset: off"
    )
    orders_table_key: TableKey | None = Field(
        None, description="the key that may write to that table"
    )

    @model_validator(mode="after")
    def _are_both_set(self) -> "OrdersTableSettings":
        """Require both or neither: one alone is a mistake that nobody would notice."""
        if self.orders_table_url and not self.orders_table_key:
            raise ValueError(
                "ORDERS_TABLE_KEY is missing, which ORDERS_TABLE_URL needs: copy the service key "
                "of your project's cloud"
            )
        if self.orders_table_key and not self.orders_table_url:
            raise ValueError(
                "ORDERS_TABLE_URL is missing, which ORDERS_TABLE_KEY needs: set the table's "
                f"address, for example {_EXAMPLE}"
            )
        return self

    @property
    def orders_table_host(self) -> str | None:
        """The table's host, the only part of its URL that may be shown."""
        url = self.orders_table_url
        return read_web_url(url.get_secret_value()).host if url else None
