"""An operator's browser without script: forms are found on the page, and sent as they are."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import httpx

from tests.support.orders import ADMIN_TOKEN, OrderShop, order_shop

COOKIE = "altan_checkout_console"


@dataclass(slots=True)
class Form:
    """A form: where it is sent, its fields, and the text of its buttons."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    text: str = ""


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._is_inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(values.get("action", ""), values.get("method", "get")))
            self._is_inside = True
        elif tag == "input" and self._is_inside and values.get("name"):
            self.found[-1].fields[values["name"]] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        self._is_inside = self._is_inside and tag != "form"

    def handle_data(self, data: str) -> None:
        if self._is_inside:
            self.found[-1].text += data


def forms_in(html: str) -> list[Form]:
    parser = _Forms()
    parser.feed(html)
    return parser.found


def form_named(html: str, button: str) -> Form:
    """Return the one form with this button, or the first of several."""
    found = [form for form in forms_in(html) if button in form.text]
    assert found, f"no form with {button!r} in: {text_of(html)}"
    return found[0]


def text_of(html: str) -> str:
    """Return what a page says, in one line."""
    body = html.partition("</style>")[2]
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


@dataclass(frozen=True, slots=True)
class Operator:
    """A signed-in operator; the client keeps the cookie."""

    client: httpx.AsyncClient

    async def see(self, path: str, **parameters: str) -> str:
        """Return a page's HTML."""
        answer = await self.client.get(path, params=parameters or None)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def press(self, path: str, button: str, **changes: str) -> httpx.Response:
        """Send the form with this button of a page, without following what it leads to."""
        form = form_named(await self.see(path), button)
        return await self.client.post(
            urljoin(str(self.client.base_url.join(path)), form.action), data=form.fields | changes
        )

    async def press_and_follow(self, path: str, button: str) -> str:
        """Send the form, and return the page that it leads to."""
        answer = await self.press(path, button)
        assert answer.status_code == 303, answer.text
        return await self.see(urljoin(str(answer.url), answer.headers["Location"]))


async def sign_in(
    client: httpx.AsyncClient,
    token: str = ADMIN_TOKEN,
    *,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    """Send the form of the sign-in page."""
    form = form_named((await client.get("/console")).text, "Sign in")
    url = urljoin(str(client.base_url.join("/console")), form.action)
    return await client.post(url, data=form.fields | {"token": token}, headers=headers)


@dataclass(frozen=True, slots=True)
class ConsoleShop:
    """The service, and an operator who is signed in."""

    shop: OrderShop
    operator: Operator


@asynccontextmanager
async def console_shop(database_path: Path, **changes: object) -> AsyncIterator[ConsoleShop]:
    """Run the service on a socket, with a signed-in operator."""
    async with order_shop(database_path, **changes) as shop:
        answer = await sign_in(shop.service.client)
        assert answer.status_code == 303, answer.text
        yield ConsoleShop(shop, Operator(shop.service.client))
