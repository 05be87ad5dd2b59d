"""The hosted page as people use it: in Chromium, with the sandbox on a socket."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from app.sandbox.server import SandboxConfig, create_sandbox

from .neighbours import DEADLINE_S, Service, listen, open_session, order_body, serving

CHROMIUM: Final = shutil.which("chromium")
ARGUMENTS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The sandbox and a browser; what the browser asked of others, or complained about."""

    client: httpx.AsyncClient
    service: Service
    browser: Browser
    url: str
    complaints: list[str]

    async def open_page(self, context: BrowserContext) -> tuple[Page, str]:
        """The page of a new session, whose shop is the service's server."""
        shop = f"{self.service.url}/thanks"
        body = order_body(success_url=shop, cancel_url=f"{self.service.url}/cart")
        session_id = await open_session(self.client, body)
        page = await context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        await page.goto(f"{self.url}/c/pay/{session_id}")
        return page, session_id


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def sandbox(service: Service, browser: Browser) -> AsyncIterator[Sandbox]:
    listener, url = listen()
    app = create_sandbox(
        SandboxConfig(public_url=url, webhook_url=f"{service.url}/webhooks/stripe")
    )
    complaints: list[str] = []
    async with (
        serving(app, listener),
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=DEADLINE_S) as client,
    ):
        yield Sandbox(client, service, browser, url, complaints)
    assert [text for text in complaints if "404" not in text] == []  # The shop has no pages.


@asynccontextmanager
async def browsing(
    sandbox: Sandbox, *, script: bool = True, width: int = 1280
) -> AsyncIterator[BrowserContext]:
    context = await sandbox.browser.new_context(
        java_script_enabled=script, viewport={"width": width, "height": 800}
    )
    context.set_default_timeout(DEADLINE_S * 1000)
    yield context
    await context.close()


async def test_the_list_of_webhooks_updates_itself_and_sends_without_leaving(
    sandbox: Sandbox,
) -> None:
    async with browsing(sandbox) as context:
        page, session_id = await sandbox.open_page(context)
        await page.get_by_label("Late by").fill("7")
        url = f"/sandbox/sessions/{session_id}/expire"
        await sandbox.client.post(url, json={"withhold": True})
        await expect(page.get_by_text("held back until you send it")).to_be_visible()

        await page.get_by_role("button", name="Send now", exact=True).press("Enter")

        again = page.get_by_role("button", name="Send again", exact=True)
        await expect(again).to_be_focused()
        await expect(page.get_by_text("200")).to_be_visible()
        # A page that was loaded anew would have forgotten what was typed.
        await expect(page.get_by_label("Late by")).to_have_value("7")
    assert sandbox.service.types == ["checkout.session.expired"]


async def test_a_double_click_pays_once_and_the_back_button_shows_where_it_stands(
    sandbox: Sandbox,
) -> None:
    async with browsing(sandbox) as context:
        page, _ = await sandbox.open_page(context)

        await page.get_by_role("button", name="Pay $14.50").dblclick()
        await page.wait_for_url("**/thanks")
        await page.go_back()

        await expect(page.get_by_text("Paid. Thank you!")).to_be_visible()
        await expect(page.get_by_role("button", name="Open a dispute")).to_be_enabled()
    assert sandbox.service.types.count("checkout.session.completed") == 1


async def test_a_second_click_does_not_cut_short_the_first_ones_wait(sandbox: Sandbox) -> None:
    async with browsing(sandbox) as context:
        page, _ = await sandbox.open_page(context)
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.method))
        button = await page.get_by_role("button", name="Pay $14.50").bounding_box()
        assert button is not None
        sandbox.service.gate.clear()

        for _ in range(2):
            await page.mouse.click(button["x"] + 5, button["y"] + 5)
            await sandbox.service.wait_received(1)
        sandbox.service.gate.set()

        await page.wait_for_url("**/thanks")
    assert sent.count("POST") == 1


async def test_a_double_click_refunds_once(sandbox: Sandbox) -> None:
    async with browsing(sandbox) as context:
        page, session_id = await sandbox.open_page(context)
        await sandbox.client.post(f"/sandbox/sessions/{session_id}/pay")
        await page.reload()
        await page.get_by_label("Amount").fill("4.50")

        await page.get_by_role("button", name="Refund", exact=True).dblclick()

        await expect(page.get_by_text("$4.50 of it refunded")).to_be_visible()
        await expect(page.get_by_role("alert")).to_have_count(0)
    session = (await sandbox.client.get(f"/sandbox/sessions/{session_id}")).json()
    assert session["amount_refunded"] == 450


@pytest.mark.parametrize("script", [True, False])
async def test_every_ending_is_reached_by_its_button(sandbox: Sandbox, *, script: bool) -> None:
    async with browsing(sandbox, script=script) as context:
        page, session_id = await sandbox.open_page(context)
        await page.get_by_role("button", name="Decline the card").click()
        await expect(page.get_by_role("alert")).to_contain_text("declined")
        await page.get_by_role("button", name="Back to the shop").click()
        await page.wait_for_url("**/cart")
        await page.goto(f"{sandbox.url}/c/pay/{session_id}")
        await page.get_by_label("Deliver each webhook twice").check()
        await page.get_by_role("button", name="Pay by bank transfer").click()
        await page.get_by_label("In the wrong order").check()
        await page.get_by_role("button", name="The bank pays").click()
        await page.get_by_label("Amount").fill("4.50")
        await page.get_by_role("button", name="Refund", exact=True).click()
        await page.get_by_role("button", name="Open a dispute").click()
        await page.get_by_role("button", name="The shop wins").click()
        await page.get_by_label("Not until asked").check()
        await page.get_by_role("button", name="Refund everything").click()
        await expect(page.get_by_text("refunded in whole")).to_be_visible()
        await expect(page.get_by_role("button", name="Send now", exact=True)).to_have_count(4)
        reload = page.get_by_role("link", name="Reload")
        await expect(reload).to_have_count(0 if script else 1)
    assert sandbox.service.types.count("checkout.session.completed") == 2


@pytest.mark.parametrize("stage", ["open", "decline", "pay_later", "pay", "expire"])
async def test_nothing_is_cut_off_or_fetched_elsewhere_on_a_small_screen(
    sandbox: Sandbox, stage: str
) -> None:
    async with browsing(sandbox, width=320) as context:
        page, session_id = await sandbox.open_page(context)
        if stage != "open":
            await sandbox.client.post(f"/sandbox/sessions/{session_id}/{stage}")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.reload()

        assert await page.evaluate("document.documentElement.scrollWidth") == 320
        assert {url for url in asked if not url.startswith(sandbox.url)} == set()
