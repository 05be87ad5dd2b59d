"""The shop's cart: its fields decide what is bought, with and without script."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.support.browser.purchases import session_id_of
from tests.support.browser.running import RunningDemo
from tests.support.browser.visitors import Variant, Visitors

WITHOUT_SCRIPT = Variant(script=False)
MUGS = "Quantity of Stoneware mug"


async def buy_now(page: Page) -> None:
    """One click, and no more."""
    await page.get_by_role("button", name="Buy", exact=True).click()
    await page.wait_for_url("**/c/pay/cs_*")


async def sold_to(page: Page, demo: RunningDemo) -> dict[str, int]:
    """What the payment page sells, and how many of it."""
    url = f"{demo.shop_url}/sandbox/sessions/{session_id_of(page)}"
    session: dict[str, Any] = await (await page.request.get(url)).json()
    return {line["price"]: line["quantity"] for line in session["line_items"]}


async def test_without_script_one_click_buys_what_the_field_says(
    demo: RunningDemo, visitors: Visitors
) -> None:
    page = await visitors.new(WITHOUT_SCRIPT)
    await page.goto(f"{demo.shop_url}/?beans=2&mug=1")
    await page.get_by_label(MUGS).fill("3")

    await buy_now(page)

    assert await sold_to(page, demo) == {"price_sandbox_beans": 2, "price_sandbox_mug": 3}


@pytest.mark.parametrize("way", ["Plain form", "fetch", "checkout.js"])
async def test_with_script_one_click_buys_what_the_field_says(
    demo: RunningDemo, page: Page, way: str
) -> None:
    await page.goto(f"{demo.shop_url}/?beans=2&mug=1")
    await page.get_by_role("radio", name=way).check()
    await page.get_by_label(MUGS).fill("3")

    await buy_now(page)

    assert await sold_to(page, demo) == {"price_sandbox_beans": 2, "price_sandbox_mug": 3}


async def test_with_script_everything_about_the_cart_follows_the_input(
    demo: RunningDemo, page: Page
) -> None:
    await page.goto(f"{demo.shop_url}/?beans=2&mug=1")
    cart = page.locator("#cart")

    await page.get_by_label(MUGS).fill("99")

    await expect(cart.locator(".total strong")).to_have_text("$1,459.50")
    await expect(cart.get_by_text("$1,435.50")).to_be_visible()
    await expect(page.get_by_role("link", name="Cart 101")).to_be_visible()
    await expect(page.get_by_text("99 in the cart")).to_be_visible()
    await expect(page.locator("pre:visible")).to_contain_text("quantity: 99")
    assert page.url == f"{demo.shop_url}/?beans=2&mug=99"


async def test_what_is_typed_outlasts_the_other_buttons_and_the_way_back(
    demo: RunningDemo, page: Page
) -> None:
    await page.goto(f"{demo.shop_url}/?beans=2&mug=1")
    await page.get_by_label(MUGS).fill("4")
    await page.get_by_role("button", name="Remove Coffee beans").click()
    await expect(page.get_by_label(MUGS)).to_have_value("4")
    await page.get_by_label(MUGS).fill("5")

    await buy_now(page)
    await page.get_by_role("button", name="Back to the shop").click()

    await expect(page.get_by_label(MUGS)).to_have_value("5")


async def test_half_a_number_is_not_bought(demo: RunningDemo, page: Page) -> None:
    await page.goto(f"{demo.shop_url}/?mug=2")

    for typed in ("", "0", "100", "1.5"):
        await page.get_by_label(MUGS).fill(typed)
        await page.get_by_role("button", name="Buy", exact=True).click()
        await expect(page.get_by_label(MUGS)).to_be_focused()

    await expect(page.locator("#cart .total strong")).to_have_text("$29.00")
    assert page.url == f"{demo.shop_url}/?mug=2"


async def test_without_script_a_button_brings_the_total_up_to_date_and_so_does_enter(
    demo: RunningDemo, visitors: Visitors
) -> None:
    page = await visitors.new(WITHOUT_SCRIPT)
    await page.goto(f"{demo.shop_url}/?beans=2&mug=1")

    await page.get_by_label(MUGS).fill("3")
    await page.get_by_role("button", name="Update total").click()
    await expect(page.locator("#cart .total strong")).to_have_text("$67.50")
    await page.get_by_label(MUGS).fill("4")
    await page.keyboard.press("Enter")

    await expect(page.locator("#cart .total strong")).to_have_text("$82.00")
    assert page.url == f"{demo.shop_url}/?beans=2&mug=4#cart"


async def test_who_has_only_a_keyboard_changes_a_quantity_and_buys(
    demo: RunningDemo, page: Page
) -> None:
    await page.goto(f"{demo.shop_url}/?mug=1")
    buy = page.get_by_role("button", name="Buy", exact=True)

    await page.get_by_label(MUGS).focus()
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Enter")  # buys nothing by accident
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Remove Stoneware mug")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(buy).to_be_focused()
    await page.keyboard.press("Enter")

    await page.wait_for_url("**/c/pay/cs_*")
    assert await sold_to(page, demo) == {"price_sandbox_mug": 2}
