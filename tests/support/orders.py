"""The whole service with tokens, on either database, and calls of a shop's server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.builders import SESSION_ID, Document, Service, query, running_service, settings

TOKEN = "shop_token_zq8w7e6r5t4y3u2i1o0p"
ADMIN_TOKEN = "admin_token_m9n8b7v6c5x4z3l2k1"
TOKENS: Document = {"api_tokens": [TOKEN], "admin_api_token": ADMIN_TOKEN}
SESSION_PATH = f"/orders/{SESSION_ID}"


def bearer(token: str = TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@dataclass(frozen=True, slots=True)
class OrderShop:
    """The service, and its database."""

    service: Service
    path: Path

    async def get(self, path: str = SESSION_PATH, **headers: str) -> httpx.Response:
        return await self.service.client.get(path, headers=bearer() | headers)

    async def order(self, public_id: str = SESSION_ID) -> Document:
        answer = await self.get(f"/orders/{public_id}")
        assert answer.status_code == 200, answer.text
        document: Document = answer.json()
        return document

    async def page(self, **parameters: Any) -> Document:  # noqa: ANN401 as httpx takes them
        answer = await self.service.client.get("/orders", params=parameters, headers=bearer())
        assert answer.status_code == 200, answer.text
        document: Document = answer.json()
        return document

    async def ids(self, **parameters: Any) -> list[str]:  # noqa: ANN401 as httpx takes them
        return [order["id"] for order in (await self.page(**parameters))["orders"]]

    async def tell(self, *documents: Document) -> None:
        """Send each of Stripe's events in a webhook."""
        for document in documents:
            answer = await self.service.deliver(document)
            assert answer.status_code == 200, answer.text

    def sql(self, text: str, *parameters: object) -> list[Document]:
        return query(self.path, text, *parameters)


@asynccontextmanager
async def order_shop(database_path: Path, **changes: object) -> AsyncIterator[OrderShop]:
    """Run the service on a socket; `database_path` is the fixture of that name."""
    where: Document = {}
    if database_path.suffix == ".url":
        where = {"database_url": database_path.read_text()}  # noqa: ASYNC240 a short file
    made = settings(database_path.parent, **(TOKENS | where | changes))
    async with running_service(made) as service:
        yield OrderShop(service, database_path)
