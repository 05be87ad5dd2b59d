"""How long a buyer waits, printed at the end of a run; no test fails because of a time."""

from typing import Final

import pytest
from playwright.async_api import Page, expect

from tests.support.browser.figures import Figures
from tests.support.browser.places import buy, open_cart
from tests.support.browser.purchases import CONFIRMING, PAID, heading, webhook
from tests.support.browser.running import RunningDemo
from tests.support.browser.stopwatch import PAID_PAINTED, PAYMENT_PAGE, Stopwatch

pytestmark = pytest.mark.e2e_long

TIMES: Final = 10
BUY_GOAL_MS: Final = 150
PAID_GOAL_MS: Final = 1000


@pytest.fixture
async def stopwatch(page: Page) -> Stopwatch:
    stopwatch = Stopwatch()
    await stopwatch.over(page.context)
    return stopwatch


@pytest.mark.parametrize("way", ["Plain form", "fetch", "checkout.js"])
async def test_from_buy_to_the_payment_page(
    demo: RunningDemo, page: Page, stopwatch: Stopwatch, figures: Figures, way: str
) -> None:
    name = f"click on Buy ({way}) -> payment page"
    for _ in range(TIMES):
        await open_cart(page, demo)
        await page.get_by_role("radio", name=way).check()
        stopwatch.reset()
        await page.get_by_role("button", name="Buy", exact=True).click()
        await page.wait_for_url("**/c/pay/cs_*")
        figures.add(name, await stopwatch.ms("Buy", PAYMENT_PAGE), goal_ms=BUY_GOAL_MS)
        await expect(page.get_by_role("button", name="Pay $")).to_be_visible()


async def test_from_pay_to_paid(
    demo: RunningDemo, page: Page, stopwatch: Stopwatch, figures: Figures
) -> None:
    name = "click on Pay -> paid"
    for _ in range(TIMES):
        await buy(page, demo)
        stopwatch.reset()
        await page.get_by_role("button", name="Pay $").click()
        figures.add(name, await stopwatch.ms("Pay $12.00", PAID_PAINTED), goal_ms=PAID_GOAL_MS)
        await expect(heading(page)).to_have_text(PAID)


async def test_from_the_webhook_to_paid_on_a_page_that_waits(
    demo: RunningDemo, page: Page, stopwatch: Stopwatch, figures: Figures
) -> None:
    """The click is the one that sends the webhook, in the other tab."""
    name = "click on Send now -> paid in the other tab"
    for _ in range(TIMES):
        await buy(page, demo)
        payment = await page.context.new_page()
        await payment.goto(page.url)
        await page.get_by_label("Not until asked").check()
        await page.get_by_role("button", name="Pay $").click()
        await expect(heading(page)).to_have_text(CONFIRMING)
        send = webhook(payment, "checkout.session.completed").get_by_role("button")
        await send.wait_for()
        await page.bring_to_front()
        stopwatch.reset()
        await send.click()
        figures.add(name, await stopwatch.ms("Send now", PAID_PAINTED), goal_ms=PAID_GOAL_MS)
        await expect(heading(page)).to_have_text(PAID)
        await payment.close()
