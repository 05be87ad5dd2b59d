"""The documented pages that import /checkout.js work as they are, in a browser, with the demo."""

import re
import socket
import uuid
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tests.docs.test_snippets import lines_of, session_of, unclosed
from tests.support.browser.chromium import running_chromium
from tests.support.browser.shop_page import DEADLINE_MS
from tests.support.builders import ROOT
from tests.support.docs.documents import marked
from tests.support.docs.running import Demo
from tests.support.sandbox.local_servers import serving as served

TYPES = ROOT / "app/web/api/static/checkout.d.ts"


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with running_chromium() as browser:
        # The demo's pages have a policy of their own, which README's pages need not have.
        page = await browser.new_page(bypass_csp=True)
        page.set_default_timeout(DEADLINE_MS)
        yield page


async def show(page: Page, demo: Demo, html: str, *, at: str = "/") -> None:
    """README's page, at an address of the demo's shop, whatever the shop itself has there."""
    await page.goto(demo.shop_url)
    await page.evaluate("(address) => history.replaceState(null, '', address)", at)
    await page.set_content(html)


def readmes_pages(demo: Demo) -> list[str]:
    return [demo.here(block.text) for block in marked("html", "module")]


async def test_the_pages_lead_from_a_cart_to_a_paid_status(demo: Demo, page: Page) -> None:
    cart, thanks = readmes_pages(demo)

    await show(page, demo, cart)
    await page.click("#buy")
    await page.wait_for_url("**/c/pay/**")
    sold = session_of(page.url, demo)
    session_id = urlsplit(page.url).path.rpartition("/")[2]
    assert lines_of(sold) == [("price_ABC123", 2)]

    success_url = str(sold["success_url"]).replace("{CHECKOUT_SESSION_ID}", session_id)
    await show(page, demo, thanks, at=success_url)
    await page.wait_for_function("document.getElementById('status').textContent === 'open'")
    async with httpx.AsyncClient(trust_env=False) as stripe:
        await stripe.post(f"{demo.shop_url}/sandbox/sessions/{session_id}/pay")

    await page.wait_for_function("document.getElementById('status').textContent === 'paid'")


@pytest.mark.parametrize("at", ["/thanks", "/thanks?checkout_id=chk_of_nobody"])
async def test_the_thanks_page_does_not_wait_without_an_order(
    demo: Demo, page: Page, at: str
) -> None:
    _, thanks = readmes_pages(demo)

    await show(page, demo, thanks, at=at)

    await page.wait_for_function(
        "document.getElementById('status').textContent === 'We do not know this order.'"
    )


async def test_the_buyer_reads_what_is_wrong_and_may_try_again(demo: Demo, page: Page) -> None:
    await page.route(f"{demo.service_url}/checkout", lambda route: route.abort())
    cart, _ = readmes_pages(demo)

    await show(page, demo, cart)
    await page.click("#buy")

    await page.wait_for_function("document.getElementById('problem').textContent")
    assert await page.inner_text("#problem") == "The checkout cannot be reached."
    assert await page.is_enabled("#buy")


def pages_of_this_machine(html: str) -> Starlette:
    """README's page at each address, as a development server would show it."""

    async def show(_request: Request) -> Response:
        return HTMLResponse(html)

    return Starlette(routes=[Route("/{path:path}", show)])


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_page_on_another_port_buys_in_the_demo_and_sees_that_it_is_paid(
    demo: Demo, page: Page, host: str
) -> None:
    (block,) = marked("html", "own page")
    listener = socket.create_server(("127.0.0.1", 0))
    async with served(pages_of_this_machine(demo.here(block.text)), listener):
        shop = f"http://{host}:{listener.getsockname()[1]}/"
        await page.goto(shop)
        await page.click("button")
        await page.wait_for_url("**/c/pay/**")
        assert lines_of(session_of(page.url, demo)) == [("price_sandbox_mug", 2)]

        await page.get_by_role("button", name="Pay $29.00").click()

        await page.wait_for_url(f"{shop}?*checkout_id=*")
        await page.wait_for_function("document.querySelector('p').textContent === 'paid'")


async def test_readmes_form_on_another_port_buys_in_the_demo_without_script(
    demo: Demo, page: Page
) -> None:
    (block,) = marked("html", "form")
    listener = socket.create_server(("127.0.0.1", 0))
    shop = f"http://localhost:{listener.getsockname()[1]}"
    html = demo.here(block.text.replace("https://shop.example", shop))
    html = re.sub(r'(name="idempotency_key" value=")[^"]*', rf"\g<1>{uuid.uuid4()}", html)
    async with served(pages_of_this_machine(html), listener):
        await page.goto(shop)
        await page.click("button")
        await page.wait_for_url("**/c/pay/**")
        assert str(session_of(page.url, demo)["success_url"]).startswith(f"{shop}/thanks?")


def test_the_react_example_imports_what_the_types_have() -> None:
    (block,) = marked("tsx", "react")
    (imported,) = re.findall(r"import \{([^}]*)\} from \"https://", block.text)
    exported = re.findall(r"export (?:class|function|interface|type) (\w+)", TYPES.read_text())

    names = {name.split()[-1] for name in imported.split(",") if name.strip()}

    assert {"startCheckout", "watchCheckout"} < names <= set(exported)
    assert unclosed(block.text) == ""
