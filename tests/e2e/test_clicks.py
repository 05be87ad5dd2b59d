"""Impatient clicks: nobody pays twice by accident."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Page, Route, expect

from tests.support.browser.places import buy, open_cart
from tests.support.browser.purchases import (
    CONFIRMING,
    PAID,
    Purchase,
    begin,
    heading,
    session_id_of,
)
from tests.support.browser.running import RunningDemo
from tests.support.browser.visitors import Variant, Visitors
from tests.support.browser.watch import Watch
from tests.support.builders import query

long = pytest.mark.e2e_long
WAYS = (
    pytest.param("Plain form", marks=long),
    "fetch",
    pytest.param("checkout.js", marks=long),
)


def count_of(table: str, database_path: Path) -> int:
    (row,) = query(database_path, f"SELECT count(*) AS rows FROM {table}")  # noqa: S608 our own
    return int(row["rows"])


def checkouts(demo: RunningDemo) -> int:
    return count_of("checkouts", demo.database_path)


def charges(demo: RunningDemo) -> int:
    """How often money was taken, as the service was told."""
    return count_of("events WHERE type = 'charge.succeeded'", demo.database_path)


async def choose(way: str, page: Page) -> None:
    await page.get_by_role("radio", name=way).check()


async def click_buy(page: Page) -> None:
    await page.get_by_role("button", name="Buy", exact=True).click()
    await page.wait_for_url("**/c/pay/cs_*")


async def double_click(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name).dblclick()


@pytest.mark.parametrize("way", WAYS)
async def test_a_double_click_on_buy_is_one_checkout(
    demo: RunningDemo, page: Page, way: str
) -> None:
    await open_cart(page, demo)
    await choose(way, page)
    before = checkouts(demo)

    await double_click(page, "Buy")

    await expect(page.get_by_role("button", name="Pay $")).to_be_visible()
    assert checkouts(demo) == before + 1


async def test_a_double_click_on_pay_is_one_payment(demo: RunningDemo, page: Page) -> None:
    await buy(page, demo)
    before = charges(demo)

    await double_click(page, "Pay $")

    await expect(heading(page)).to_have_text(PAID)
    assert charges(demo) == before + 1


async def click_twice_without_script(page: Page, name: str, address: str) -> None:
    """The second click comes when the first has done its work, but is not answered yet."""
    has_worked, is_given_up = asyncio.Event(), asyncio.Event()

    async def hold_answer(route: Route) -> None:
        await route.fetch(max_redirects=0)
        has_worked.set()
        await is_given_up.wait()
        await route.abort()

    await page.route(address, hold_answer, times=1)
    # By the mouse itself: to click on a button is to wait for the page that it leads to.
    box = await page.get_by_role("button", name=name).bounding_box()
    assert box is not None
    await page.mouse.click(box["x"] + 5, box["y"] + 5)
    await has_worked.wait()
    async with page.expect_event("requestfailed"):
        await page.mouse.click(box["x"] + 5, box["y"] + 5)
    is_given_up.set()


@long
async def test_without_script_two_clicks_on_buy_are_one_checkout_too(
    demo: RunningDemo, visitors: Visitors
) -> None:
    page = await visitors.new(Variant(script=False))
    await open_cart(page, demo)
    before = checkouts(demo)

    await click_twice_without_script(page, "Buy", "**/checkout")

    await expect(page.get_by_role("button", name="Pay $")).to_be_visible()
    assert checkouts(demo) == before + 1


@long
async def test_without_script_two_clicks_on_pay_are_one_payment_too(
    demo: RunningDemo, visitors: Visitors
) -> None:
    page = await visitors.new(Variant(script=False))
    await buy(page, demo)
    before = charges(demo)

    await click_twice_without_script(page, "Pay $", "**/pay")

    await expect(heading(page)).to_have_text(PAID)
    assert charges(demo) == before + 1


@long
@pytest.mark.parametrize("way", ["Plain form", "fetch", "checkout.js"])
async def test_who_goes_back_by_the_browser_and_buys_again_gets_a_page_of_its_own(
    demo: RunningDemo, page: Page, way: str
) -> None:
    """The first answer has come, so this is a new wish; the page that was left stays unpaid."""
    await open_cart(page, demo)
    await choose(way, page)
    await click_buy(page)
    first = await Purchase.beside(page, demo)
    before = charges(demo)

    await page.go_back(wait_until="commit")  # a page that was kept is not loaded
    await expect(page.get_by_label("Quantity of Coffee beans")).to_have_value("1")
    await click_buy(page)

    second = await Purchase.beside(page, demo)
    assert second.status_url != first.status_url
    await second.pay()
    await second.assert_ends(PAID, "paid")
    await first.assert_ends(CONFIRMING, "open")
    assert charges(demo) == before + 1


@long
async def test_who_goes_back_from_the_thanks_cannot_pay_again(
    demo: RunningDemo, page: Page
) -> None:
    await buy(page, demo)
    await page.get_by_role("button", name="Pay $").click()
    await expect(heading(page)).to_have_text(PAID)

    await page.go_back(wait_until="commit")

    await expect(page.get_by_text("Paid. Thank you!")).to_be_visible()
    await expect(page.get_by_role("button", name="Pay")).to_have_count(0)
    await page.get_by_role("link", name="Continue to the shop").click()
    await expect(heading(page)).to_have_text(PAID)


@long
async def test_two_tabs_of_one_cart_are_two_wishes_and_only_one_is_paid(
    demo: RunningDemo, page: Page
) -> None:
    await open_cart(page, demo)
    other = await page.context.new_page()
    await other.goto(page.url)
    before = charges(demo)

    await asyncio.gather(click_buy(page), click_buy(other))

    assert session_id_of(page) != session_id_of(other)
    left = await Purchase.beside(other, demo)
    await page.get_by_role("button", name="Pay $").click()
    await expect(heading(page)).to_have_text(PAID)
    await left.assert_ends(CONFIRMING, "open")
    assert charges(demo) == before + 1


async def test_two_tabs_of_one_payment_page_pay_once_and_both_are_thanked(
    demo: RunningDemo, page: Page
) -> None:
    await buy(page, demo)
    other = await page.context.new_page()
    await other.goto(page.url)
    before = charges(demo)

    for tab in (page, other):
        await tab.get_by_role("button", name="Pay $").click()
        await expect(heading(tab)).to_have_text(PAID)

    assert charges(demo) == before + 1


@long
async def test_a_tab_that_still_shows_the_unpaid_page_cannot_undo_the_payment(
    demo: RunningDemo, page: Page, watch: Watch
) -> None:
    watch.expect("status of 409")
    purchase = await begin(page, demo)
    stale = await page.context.new_page()
    await stale.goto(page.url)
    await purchase.pay()

    await stale.get_by_role("button", name="Let it expire").click()

    await expect(stale.get_by_role("alert")).to_contain_text("has changed since")
    await purchase.assert_ends(PAID, "paid")


async def test_every_tab_of_the_success_page_changes(demo: RunningDemo, page: Page) -> None:
    one = await begin(page, demo)
    other = await Purchase.beside(page, demo)

    await one.pay()

    for tab in (one, other):
        await tab.assert_ends(PAID, "paid")
