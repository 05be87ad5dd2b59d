"""The shop's order desk, with orders that the shop's own server reads from the service.

The token stays on the server; the browser only gets a page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import httpx
from starlette.requests import Request
from starlette.responses import Response

from sandbox.config import SandboxConfig
from sandbox.money import format_money
from sandbox.pages import Pages
from sandbox.shop.prices import PRICES

ORDERS_MAX: Final = 50
TIMEOUT_S: Final = 5.0
_UNSET: Final = (
    "The order desk has no token. Give the service one in API_TOKENS, and the sandbox the same one "
    "in SANDBOX_API_TOKEN."
)


class OrdersUnreadableError(Exception):
    """The service did not answer with orders; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A row: one order as text."""

    number: str
    items: str
    total: str
    status: str
    flags: str
    buyer: str
    created_at: datetime
    payment_path: str | None
    """The path of its payment's page; None without a session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDesk:
    """`/sandbox/orders`."""

    config: SandboxConfig
    client: httpx.AsyncClient
    pages: Pages

    async def show(self, _request: Request) -> Response:
        """List the latest orders, the newest first, or the reason why that is impossible."""
        try:
            orders = [_order(each) for each in await self._read()]
        except OrdersUnreadableError as error:
            return self.pages.render("orders.html", status_code=502, orders=[], trouble=str(error))
        return self.pages.render("orders.html", orders=orders, trouble=None)

    async def _read(self) -> list[Mapping[str, Any]]:
        if not self.config.api_token:
            raise OrdersUnreadableError(_UNSET)
        try:
            answer = await self.client.get(
                f"{self.config.api_url}/orders",
                params={"limit": ORDERS_MAX},
                headers={"Authorization": f"Bearer {self.config.api_token}"},
                timeout=TIMEOUT_S,
            )
        except httpx.HTTPError as error:
            raise OrdersUnreadableError("The service cannot be reached. Is it running?") from error
        if answer.status_code != 200:  # noqa: PLR2004 RFC 9110: OK
            raise OrdersUnreadableError(
                f"The service answered {answer.status_code} to GET /orders. Is SANDBOX_API_TOKEN "
                "one of its API_TOKENS?"
            )
        orders: list[Mapping[str, Any]] = answer.json()["orders"]
        return orders


def _order(document: Mapping[str, Any]) -> Order:
    currency, total_minor = document["currency"], document["amount_total"]
    session_id = document["session_id"]
    return Order(
        number=document["client_reference_id"] or document["id"],
        items=", ".join(_item(each) for each in document["line_items"]) or "unknown",
        total="" if total_minor is None else format_money(total_minor, currency),
        status=document["status"].replace("_", " "),
        flags=", ".join(flag.replace("_", " ") for flag in document["flags"]),
        buyer=(document["customer"] or {}).get("email") or "",
        created_at=datetime.fromisoformat(document["created_at"]),
        payment_path=f"/c/pay/{session_id}" if session_id else None,
    )


def _item(line_item: Mapping[str, Any]) -> str:
    price = PRICES.get(line_item["price"])
    name = price.name if price else line_item["price"]
    return f"{name} \N{MULTIPLICATION SIGN} {line_item['quantity']}"
