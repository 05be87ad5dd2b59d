"""A buyer's path from the shop to the payment page and back, with a mouse."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, expect

from app.commands.demo import Demo
from tests.support.browser.clicks import CART
from tests.support.browser.places import buy, buy_by, open_cart
from tests.support.browser.running import RunningDemo
from tests.support.browser.visitors import Variant, Visitors
from tests.support.browser.watch import Watch
from tests.support.builders import query
from tests.support.docs.running import running_demo as running_command


async def pay_here(page: Page) -> str:
    """From the payment page to the service's thanks; Stripe's id of the session."""
    session_id = urlsplit(page.url).path.rpartition("/")[2]
    await page.get_by_role("button", name="Pay $").click()
    await page.wait_for_url("**/checkout/chk_*/page*")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you")
    return session_id


def status_of(session_id: str, database_path: Path) -> str:
    """What the service has kept of a payment."""
    sql = "SELECT status FROM payments WHERE session_id = ?"
    (payment,) = query(database_path, sql, session_id)
    return str(payment["status"])


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
async def test_a_form_leads_to_the_payment_page_and_back_to_the_shop(
    demo: RunningDemo, visitors: Visitors, *, script: bool
) -> None:
    page = await visitors.new(Variant(script=script))
    await buy(page, demo)

    session_id = await pay_here(page)

    assert status_of(session_id, demo.database_path) == "paid"


@pytest.mark.parametrize("way", ["Plain form", "fetch", "checkout.js"])
async def test_each_way_to_buy_leads_to_the_payment_page(
    demo: RunningDemo, page: Page, way: str
) -> None:
    await buy_by(way, page, demo)

    session_id = await pay_here(page)

    assert status_of(session_id, demo.database_path) == "paid"
    await expect(page.locator(".order")).to_contain_text(re.compile("Order number order-[0-9]+"))


async def test_a_hash_router_reads_the_new_orders_ids_at_both_of_its_places(
    demo: RunningDemo, page: Page
) -> None:
    old = f"{demo.shop_url}/?checkout_id=chk_old&session%5Fid=cs_old#/thanks?session_id=cs_old&a=1"
    cart = CART | {"success_url": old}
    answer = await page.request.post(
        f"{demo.service_url}/checkout", data=cart, headers={"Accept": "application/json"}
    )
    started = await answer.json()
    await page.goto(started["url"])

    await page.get_by_role("button", name="Pay $").click()

    await page.wait_for_url("**#/thanks?*")
    for place in ("location.search", "location.hash.split('?')[1]"):
        read = f"Object.fromEntries([...new URLSearchParams({place})].reverse())"
        ids = await page.evaluate(read)
        assert ids["session_id"] == started["session_id"]
        assert ids["checkout_id"] == started["checkout_id"]
    assert "old" not in page.url


async def test_the_command_that_starts_the_demo_gives_a_shop_in_which_one_can_buy(
    page: Page, tmp_path: Path
) -> None:
    with running_command(tmp_path) as command:
        demo = Demo(port=command.port, sandbox_port=command.sandbox_port, folder=tmp_path / "data")
        await buy(page, RunningDemo(demo))

        session_id = await pay_here(page)

        assert status_of(session_id, demo.database_path) == "paid"
        await page.goto("about:blank")  # or it looks for the service that stops


@pytest.mark.e2e_long
async def test_while_the_service_is_away_nobody_can_buy_and_then_everybody_can_again(
    demo: RunningDemo, page: Page, watch: Watch
) -> None:
    watch.expect(f"failed request: {demo.service_url}/checkout (net::ERR_CONNECTION_REFUSED)")
    watch.allow("Failed to load resource: net::ERR_CONNECTION_REFUSED")
    await open_cart(page, demo)

    async with demo.without_service(), page.expect_event("requestfailed"):
        await page.get_by_role("button", name="Buy", exact=True).click()

    await buy(page, demo)
    assert status_of(await pay_here(page), demo.database_path) == "paid"
