"""The list of payments: from the shop to a refund without the back button."""

import pytest
from playwright.async_api import expect

from tests.support.browser.places import buy
from tests.support.browser.running import RunningDemo
from tests.support.browser.visitors import Variant, Visitors


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
async def test_a_buyer_finds_the_payment_from_the_shop_and_refunds_it(
    demo: RunningDemo, visitors: Visitors, *, script: bool
) -> None:
    page = await visitors.new(Variant(script=script))
    await buy(page, demo)
    await page.get_by_role("button", name="Pay $").click()
    await page.wait_for_url("**/checkout/chk_*/page*")
    await page.get_by_role("link", name="Slow Morning").first.click()

    await page.get_by_role("link", name="Payments").click()
    await page.get_by_role("link", name="Coffee beans, 250 g \u00d7 1").first.click()
    await page.get_by_role("button", name="Refund everything").click()
    await page.get_by_role("link", name="Payments").click()

    newest = page.get_by_role("main").get_by_role("listitem").first
    await expect(newest).to_contain_text("$12.00")
    await expect(newest).to_contain_text("Refunded")
