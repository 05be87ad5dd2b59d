"""The hosted page in Chromium, with the sandbox on a socket."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from playwright.async_api import Page, expect

from sandbox.server import SandboxConfig, create_sandbox
from tests.support.browser.own_page import OwnPage
from tests.support.browser.visitors import Variant, Visitors
from tests.support.browser.watch import Watch
from tests.support.sandbox.local_servers import (
    DEADLINE_S,
    Service,
    listen,
    open_session,
    order_body,
    running_service,
    serving,
)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The sandbox, and the service that it tells."""

    client: httpx.AsyncClient
    service: Service
    url: str

    async def show(self, page: Page) -> str:
        """Open the page of a new session, whose shop is the service's server; the session's id."""
        shop = f"{self.service.url}/thanks"
        body = order_body(success_url=shop, cancel_url=f"{self.service.url}/cart")
        session_id = await open_session(self.client, body)
        await page.goto(f"{self.url}/c/pay/{session_id}")
        return session_id


@pytest.fixture
async def sandbox(watch: Watch) -> AsyncIterator[Sandbox]:
    watch.allow("status of 404")  # the shop has no pages
    async with running_service() as service:
        listener, url = listen()
        webhook_url = f"{service.url}/webhooks/stripe"
        app = create_sandbox(SandboxConfig(public_url=url, webhook_url=webhook_url))
        async with (
            serving(app, listener),
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=DEADLINE_S) as client,
        ):
            yield Sandbox(client, service, url)


@pytest.fixture
async def visitors(
    sandbox: Sandbox,  # noqa: ARG001 it must outlive them
    visitors: Visitors,
) -> AsyncIterator[Visitors]:
    """They leave before the sandbox ends."""
    yield visitors
    await visitors.leave()


async def test_the_list_of_webhooks_updates_itself_and_sends_without_leaving(
    sandbox: Sandbox, page: Page
) -> None:
    session_id = await sandbox.show(page)
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
    sandbox: Sandbox, page: Page
) -> None:
    await sandbox.show(page)

    await page.get_by_role("button", name="Pay $14.50").dblclick()
    await page.wait_for_url("**/thanks")
    await page.go_back(wait_until="commit")  # a kept page is not loaded anew

    await expect(page.get_by_text("Paid. Thank you!")).to_be_visible()
    await expect(page.get_by_role("button", name="Open a dispute")).to_be_enabled()
    assert sandbox.service.types.count("checkout.session.completed") == 1


async def test_a_second_click_does_not_cut_short_the_first_ones_wait(
    sandbox: Sandbox, page: Page
) -> None:
    await sandbox.show(page)
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


async def test_a_double_click_refunds_once(sandbox: Sandbox, page: Page) -> None:
    session_id = await sandbox.show(page)
    await sandbox.client.post(f"/sandbox/sessions/{session_id}/pay")
    await page.reload()
    await page.get_by_label("Amount").fill("4.50")

    await page.get_by_role("button", name="Refund", exact=True).dblclick()

    await expect(page.get_by_text("$4.50 of it refunded")).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)
    session = (await sandbox.client.get(f"/sandbox/sessions/{session_id}")).json()
    assert session["amount_refunded"] == 450


@pytest.mark.parametrize("script", [True, False])
async def test_every_ending_is_reached_by_its_button(
    sandbox: Sandbox, visitors: Visitors, *, script: bool
) -> None:
    page = await visitors.new(Variant(script=script))
    session_id = await sandbox.show(page)
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
    await expect(page.get_by_text("fully refunded")).to_be_visible()
    await expect(page.get_by_role("button", name="Send now", exact=True)).to_have_count(4)
    reload = page.get_by_role("link", name="Reload")
    await expect(reload).to_have_count(0 if script else 1)
    assert sandbox.service.types.count("checkout.session.completed") == 2


@pytest.mark.parametrize("stage", ["open", "decline", "pay_later", "pay", "expire"])
async def test_nothing_is_cut_off_or_fetched_elsewhere_on_a_small_screen(
    sandbox: Sandbox, page: Page, stage: str
) -> None:
    await page.set_viewport_size({"width": 320, "height": 800})
    session_id = await sandbox.show(page)
    if stage != "open":
        await sandbox.client.post(f"/sandbox/sessions/{session_id}/{stage}")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.reload()

    assert await page.evaluate("document.documentElement.scrollWidth") == 320
    assert {url for url in asked if not url.startswith(sandbox.url)} == set()


async def test_another_sites_form_and_script_are_refused_and_our_own_page_works(
    sandbox: Sandbox, page: Page, own_page: OwnPage, watch: Watch
) -> None:
    watch.allow("status of 403")
    watch.allow("CORS policy")
    watch.allow("failed request: ")  # what CORS keeps from a script
    session_id = await sandbox.show(page)
    act, pay = f"/sandbox/sessions/{session_id}/pay", f"/c/pay/{session_id}/pay"
    own_page.add(f'<form method="post" action="{sandbox.url}{pay}"><button>Win</button></form>')

    await page.goto(own_page.url)
    await page.evaluate(
        "(url) => fetch(url, { method: 'POST', mode: 'no-cors' })", f"{sandbox.url}{act}"
    )
    await page.get_by_role("button", name="Win").click()

    await expect(page.get_by_role("alert")).to_contain_text("another site")
    await page.goto(f"{sandbox.url}/c/pay/{session_id}")
    await page.get_by_role("button", name="Decline the card").click()
    await expect(page.get_by_role("alert")).to_contain_text("declined")
    assert "checkout.session.completed" not in sandbox.service.types
