"""A complete purchase with the service below a proxy's path, `/pay/…`, in a real browser."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from playwright.async_api import Page, expect

from app.commands.demo import Demo
from sandbox.server import SandboxConfig, create_sandbox
from tests.support.browser.clicks import CART
from tests.support.browser.places import buy_by
from tests.support.browser.reverse_proxy import PREFIX, ReverseProxy, running_reverse_proxy
from tests.support.browser.running import RunningDemo
from tests.support.browser.visitors import Variant, Visitors
from tests.support.browser.watch import Watch
from tests.support.builders import serving
from tests.support.orders import ADMIN_TOKEN
from tests.support.processes import running_process

JSON = {"Accept": "application/json"}


@dataclass(frozen=True, slots=True)
class Below:
    """The shop at the proxy's root, the service at `url`."""

    proxy: ReverseProxy
    shop: RunningDemo

    @property
    def url(self) -> str:
        return f"{self.proxy.url}{PREFIX}"


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Below]:
    folder = tmp_path_factory.mktemp("below")
    async with running_reverse_proxy() as proxy:
        config = SandboxConfig(
            public_url=proxy.url,
            checkout_url=f"{proxy.url}{PREFIX}",
            # With a slash, as somebody registers it; a redirect would lose the event.
            webhook_url=f"{proxy.url}{PREFIX}/webhooks/stripe/",
        )
        environment = {
            "ALTAN_STRIPE_CONNECT_ID": config.stripe_connect_id,
            "APP_URL": proxy.url,
            "SUCCESS_URL": f"{proxy.url}{PREFIX}/checkout/page",
            "CHECKOUT_URL_HOSTS": urlsplit(proxy.url).netloc,
            "STRIPE_WEBHOOK_SECRETS": config.webhook_secret,
            "RATE_LIMIT_CHECKOUT": "off",
            "ADMIN_API_TOKEN": ADMIN_TOKEN,
        }
        async with serving(create_sandbox(config)) as sandbox:
            proxy.shop_url = environment["ALTAN_PAY_URL"] = str(sandbox.base_url).rstrip("/")
            async with running_process(folder, **environment) as process:
                proxy.service_url = str(process.service.client.base_url).rstrip("/")
                port = urlsplit(proxy.url).port or 0
                demo = Demo(port=port, sandbox_port=port, folder=folder)
                yield Below(proxy, RunningDemo(demo))


@pytest.fixture
def below(running: Below) -> Below:
    running.proxy.paths.clear()
    return running


async def new_checkout(page: Page, below: Below) -> dict[str, Any]:
    answer = await page.request.post(f"{below.url}/checkout", data=CART, headers=JSON)
    started: dict[str, Any] = await answer.json()
    return started


async def pay(page: Page, below: Below, session_id: str) -> None:
    answer = await page.request.post(f"{below.proxy.url}/sandbox/sessions/{session_id}/pay")
    assert answer.ok, await answer.text()


@pytest.mark.parametrize(
    ("way", "script"),
    [("Plain form", True), ("fetch", True), ("checkout.js", True), ("no script", False)],
)
async def test_every_way_to_buy_leads_to_the_payment_page_and_to_the_thanks(
    below: Below,
    visitors: Visitors,
    way: str,
    script: bool,  # noqa: FBT001 a test's parameter
) -> None:
    page = await visitors.new(Variant(script=script))
    if script:
        await buy_by(way, page, below.shop)
    else:
        await page.goto(f"{below.proxy.url}/?mug=1")
        await page.get_by_role("button", name="Buy", exact=True).click()
        await page.wait_for_url("**/c/pay/cs_*")

    await page.get_by_role("button", name="Pay $").click()

    await page.wait_for_url(f"{below.url}/checkout/chk_*/page*")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you")
    assert below.proxy.lost == []


async def test_the_success_page_is_found_by_its_setting_and_changes_by_its_stream(
    below: Below, page: Page
) -> None:
    started = await new_checkout(page, below)
    events = f"{PREFIX}/checkout/{started['checkout_id']}/events"
    query = f"session_id={started['session_id']}&checkout_id={started['checkout_id']}"
    async with page.expect_response(lambda answer: answer.url.endswith(events)):
        await page.goto(f"{below.url}/checkout/page?{query}")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("confirming")

    await pay(page, below, started["session_id"])

    await expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you")
    assert page.url == f"{below.url}/checkout/{started['checkout_id']}/page"
    assert below.proxy.lost == []


async def test_without_script_the_success_page_reloads_itself_where_it_is(
    below: Below, visitors: Visitors
) -> None:
    page = await visitors.new(Variant(script=False))
    started = await new_checkout(page, below)
    address = f"{below.url}/checkout/{started['checkout_id']}/page"
    await page.goto(address)
    await pay(page, below, started["session_id"])

    await expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you")

    assert page.url.startswith(f"{address}?opened=")
    assert below.proxy.lost == []


async def test_a_page_for_an_error_leads_back_to_the_shop(
    below: Below, page: Page, watch: Watch
) -> None:
    watch.expect("status of 422")
    await page.goto(f"{below.proxy.url}/sandbox/faults")
    await page.get_by_role("button", name="Buy price_fault_400", exact=True).click()
    await page.wait_for_url(f"{below.url}/checkout")

    await page.get_by_role("link", name="Back to").click()

    await page.wait_for_url(f"{below.proxy.url}/")
    assert below.proxy.lost == []


async def test_the_module_watches_the_service_that_it_was_imported_from(
    below: Below, page: Page
) -> None:
    started = await new_checkout(page, below)
    await pay(page, below, started["session_id"])
    async with httpx.AsyncClient(trust_env=False) as client:
        latest = await client.head(f"{below.url}/checkout.js")
    pinned = urljoin(str(latest.url), latest.headers["content-location"])
    await page.goto(below.proxy.url)

    for address in (str(latest.url), pinned, f"{below.url}/checkout.0000000000000000.js"):
        status = await page.evaluate(
            """async ([address, id]) => {
              const { watchCheckout } = await import(address);
              return new Promise((tell) => watchCheckout(id, ({ status }) => tell(status)));
            }""",
            [address, started["checkout_id"]],
        )

        assert status == "paid"
    assert re.fullmatch(rf"{below.url}/checkout\.[0-9a-f]{{16}}\.js", pinned)
    assert below.proxy.lost == []


async def test_the_docs_find_their_document_and_the_document_the_service(below: Below) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        docs = await client.get(f"{below.url}/docs")
        scripts = [urljoin(str(docs.url), name) for name in re.findall(r'src="(.+?)"', docs.text)]
        (address,) = re.findall(r'url: "(.+?)"', (await client.get(scripts[-1])).text)
        document = await client.get(urljoin(str(docs.url), address))
        (server,) = document.json()["servers"]
        base = urljoin(str(document.url), server["url"])
        health = await client.get(f"{base.rstrip('/')}/health/live")

    assert base == f"{below.url}/"
    assert health.status_code == 200
    assert below.proxy.lost == []


async def test_the_docs_show_the_operations_below_the_path_too(below: Below, page: Page) -> None:
    await page.goto(f"{below.url}/docs")

    await expect(page.locator(".opblock")).to_have_count(21)
    assert below.proxy.lost == []


async def test_a_status_url_is_a_path_below_the_services_address(below: Below, page: Page) -> None:
    started = await new_checkout(page, below)

    answer = await page.request.get(f"{below.url}{started['status_url']}")

    assert (await answer.json())["checkout_id"] == started["checkout_id"]


async def test_an_operator_stays_signed_in_below_the_path(
    below: Below, page: Page, watch: Watch
) -> None:
    watch.expect("status of 401")
    started = await new_checkout(page, below)
    await pay(page, below, started["session_id"])
    address = f"{below.url}/console/orders/{started['checkout_id']}"
    await page.goto(address)
    await page.get_by_label("Operators' token").fill(ADMIN_TOKEN)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    assert page.url == address

    await page.get_by_role("link", name="Health").click()
    await expect(page.get_by_role("heading", name="Health")).to_be_visible()
    (cookie,) = await page.context.cookies()
    await page.get_by_role("button", name="Sign out").click()

    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert page.url == f"{below.url}/console"
    assert cookie["path"] == f"{PREFIX}/console"
    assert await page.context.cookies() == []
    assert below.proxy.lost == []
