"""Endings of a purchase: a buyer clicks in one tab, the success page in the other shows it."""

import pytest
from playwright.async_api import Page, expect

from tests.support.browser.places import open_shop
from tests.support.browser.purchases import (
    CONFIRMING,
    PAID,
    PROCESSING,
    Purchase,
    begin,
    heading,
    webhook,
)
from tests.support.browser.running import RunningDemo

DISPUTED = "Your payment has been received"


async def test_who_pays_is_thanked_in_both_tabs(demo: RunningDemo, page: Page) -> None:
    purchase = await begin(page, demo)

    await purchase.pay()

    await expect(heading(purchase.payment)).to_have_text(PAID)
    await purchase.assert_ends(PAID, "paid")
    await expect(purchase.success.get_by_text("$12.00")).to_be_visible()


async def test_a_bank_transfer_arrives_later(demo: RunningDemo, page: Page) -> None:
    purchase = await begin(page, demo)
    await purchase.press("Pay by bank transfer")
    await purchase.assert_ends(PROCESSING, "processing")

    await purchase.press("The bank pays")

    await purchase.assert_ends(PAID, "paid")


@pytest.mark.e2e_long
async def test_a_bank_transfer_fails_later(demo: RunningDemo, page: Page) -> None:
    purchase = await begin(page, demo)
    await purchase.press("Pay by bank transfer")
    await purchase.assert_ends(PROCESSING, "processing")

    await purchase.press("The bank refuses")

    await purchase.assert_ends("Your payment did not go through", "failed")
    await expect(purchase.success.get_by_text("you were not charged")).to_be_visible()


async def test_a_declined_card_is_no_end_and_the_next_try_pays(
    demo: RunningDemo, page: Page
) -> None:
    purchase = await begin(page, demo)
    await purchase.press("Decline the card")
    await expect(page.get_by_role("alert")).to_contain_text("The card was declined")
    await purchase.assert_ends(CONFIRMING, "open")

    await purchase.pay()

    await purchase.assert_ends(PAID, "paid")


@pytest.mark.e2e_long
async def test_who_goes_back_to_the_shop_finds_the_cart_and_buys_again(
    demo: RunningDemo, page: Page
) -> None:
    first = await begin(page, demo)

    await first.press("Back to the shop")

    await page.wait_for_url(f"{demo.shop_url}/?beans=1")
    await expect(page.get_by_label("Quantity of Coffee beans")).to_have_value("1")
    await page.get_by_role("button", name="Buy", exact=True).click()
    await page.wait_for_url("**/c/pay/cs_*")
    second = await Purchase.beside(page, demo)
    await second.pay()
    await second.assert_ends(PAID, "paid")
    await first.assert_ends(CONFIRMING, "open")


@pytest.mark.e2e_long
async def test_a_payment_page_that_expires_charges_nothing(demo: RunningDemo, page: Page) -> None:
    purchase = await begin(page, demo)

    await purchase.press("Let it expire")

    await purchase.assert_ends("The payment page has expired", "expired")
    await page.get_by_role("link", name="Back to the shop").click()
    await page.wait_for_url(f"{demo.shop_url}/?beans=1")


@pytest.mark.e2e_long
async def test_money_goes_back_in_part_and_then_whole(demo: RunningDemo, page: Page) -> None:
    purchase = await begin(page, demo)
    await purchase.pay_and_come_back()
    await page.get_by_label("Amount").fill("4.50")
    await purchase.press("Refund")
    await purchase.assert_ends("Part of your payment has been refunded", "partially_refunded")
    await expect(purchase.success.get_by_text("$4.50")).to_be_visible()

    await purchase.press("Refund everything")

    await purchase.assert_ends("Your payment has been refunded", "refunded")
    await expect(purchase.success.get_by_text("$12.00")).to_be_visible()


async def dispute(page: Page, demo: RunningDemo) -> Purchase:
    """A payment that the buyer's bank has taken back for now."""
    purchase = await begin(page, demo)
    await purchase.pay_and_come_back()
    await purchase.press("Open a dispute")
    await purchase.assert_ends(DISPUTED, "disputed")
    return purchase


@pytest.mark.e2e_long
async def test_a_dispute_that_the_shop_wins_leaves_the_payment_paid(
    demo: RunningDemo, page: Page
) -> None:
    purchase = await dispute(page, demo)

    await purchase.press("The shop wins")

    await purchase.assert_ends(PAID, "paid")


@pytest.mark.e2e_long
async def test_a_dispute_that_the_shop_loses_is_told_as_what_it_is(
    demo: RunningDemo, page: Page
) -> None:
    purchase = await dispute(page, demo)

    await purchase.press("The shop loses")

    await expect(page.get_by_text("the shop lost the dispute")).to_be_visible()
    await expect(webhook(page, "charge.dispute.closed")).to_contain_text("200")
    await purchase.assert_ends("Your bank has decided in your favor", "disputed")


@pytest.mark.e2e_long
async def test_a_subscription_begins_and_ends(demo: RunningDemo, page: Page) -> None:
    await open_shop(page, demo)
    await page.get_by_role("button", name="Subscribe").click()
    await page.wait_for_url("**/c/pay/cs_*")
    purchase = await Purchase.beside(page, demo)
    await purchase.pay_and_come_back()
    await purchase.assert_ends("Thank you, your subscription is active.", "paid")
    await expect(purchase.success.get_by_text("Your subscription renews on")).to_be_visible()

    await purchase.press("Cancel the subscription")

    await expect(purchase.success.get_by_text("Your subscription has ended")).to_be_visible()
    assert await purchase.status() == "paid"
