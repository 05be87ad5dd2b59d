"""Late, repeated or missing webhooks and a service that is down: the page stays correct."""

import pytest
from playwright.async_api import Page, expect

from tests.support.browser.places import buy
from tests.support.browser.purchases import (
    CONFIRMING,
    PAID,
    PATIENCE_MS,
    PROCESSING,
    begin,
    heading,
    webhook,
)
from tests.support.browser.running import RunningDemo
from tests.support.browser.visitors import Variant, Visitors
from tests.support.browser.watch import Watch
from tests.support.builders import query

COMPLETED = "checkout.session.completed"
SUCCEEDED = "checkout.session.async_payment_succeeded"
LATE_S = 10
# What the browser says of an answer that does not come, or not whole.
AWAY = ("net::ERR_CONNECTION_REFUSED", "net::ERR_INCOMPLETE_CHUNKED_ENCODING")


def allow_absence(watch: Watch) -> None:
    for words in AWAY:
        watch.allow(words)


@pytest.mark.e2e_long
async def test_repeated_events_count_once(demo: RunningDemo, page: Page) -> None:
    purchase = await begin(page, demo)
    await page.get_by_label("Deliver each webhook twice").check()

    await purchase.pay_and_come_back()

    for answer in ("recorded", "duplicate"):
        await expect(webhook(page, COMPLETED).get_by_text(answer)).to_have_count(1)
    await purchase.assert_ends(PAID, "paid")
    await expect(purchase.success.get_by_text("$12.00")).to_be_visible()


@pytest.mark.e2e_long
async def test_events_in_the_wrong_order_end_in_the_same_state(
    demo: RunningDemo, page: Page
) -> None:
    purchase = await begin(page, demo)
    await page.get_by_label("In the wrong order").check()

    await purchase.pay_and_come_back()

    await expect(page.get_by_role("button", name="Send again")).to_have_count(4)
    await purchase.assert_ends(PAID, "paid")
    told = query(
        demo.database_path,
        "SELECT type FROM events WHERE source = 'webhook' ORDER BY received_at_ms, rowid",
    )
    assert [event["type"] for event in told[-4:]] == [
        COMPLETED,
        "charge.succeeded",
        "payment_intent.succeeded",
        "payment_intent.created",
    ]


async def test_until_the_webhook_is_sent_the_page_says_that_it_is_confirming(
    demo: RunningDemo, page: Page
) -> None:
    purchase = await begin(page, demo)
    await page.get_by_label("Not until asked").check()
    await purchase.pay_and_come_back()
    await purchase.assert_ends(CONFIRMING, "open")

    await webhook(page, COMPLETED).get_by_role("button", name="Send now").click()

    await purchase.assert_ends(PAID, "paid")


@pytest.mark.e2e_long
async def test_a_webhook_that_is_late_turns_confirming_into_paid(
    demo: RunningDemo, page: Page
) -> None:
    purchase = await begin(page, demo)
    await page.get_by_label("Late by").fill(str(LATE_S))

    await purchase.pay()

    await expect(heading(page)).to_have_text(CONFIRMING)
    await expect(heading(page)).to_have_text(PAID, timeout=PATIENCE_MS)
    await purchase.assert_ends(PAID, "paid")


async def test_after_30_seconds_a_waiting_buyer_reads_that_nothing_is_lost(
    demo: RunningDemo, page: Page
) -> None:
    await buy(page, demo)
    await page.get_by_label("Not until asked").check()
    await page.clock.install()
    await page.get_by_role("button", name="Pay $").click()
    await expect(heading(page)).to_have_text(CONFIRMING)
    honest = page.get_by_text("If you have paid, your payment is not lost")
    await page.clock.fast_forward(29_000)
    await expect(honest).to_be_hidden()

    await page.clock.fast_forward(1_000)

    await expect(honest).to_be_visible()
    await expect(heading(page)).to_have_text(CONFIRMING)


@pytest.mark.e2e_long
async def test_the_success_page_outlives_a_restart_of_the_service(
    demo: RunningDemo, page: Page, watch: Watch
) -> None:
    allow_absence(watch)
    purchase = await begin(page, demo)
    await page.get_by_label("Not until asked").check()
    await purchase.pay_and_come_back()

    async with demo.without_service():
        pass

    await webhook(page, COMPLETED).get_by_role("button", name="Send now").click()
    await purchase.assert_ends(PAID, "paid")


@pytest.mark.e2e_long
async def test_without_script_it_outlives_a_restart_too(
    demo: RunningDemo, visitors: Visitors, watch: Watch
) -> None:
    # Who refreshes while nobody answers sees the browser's own page instead of ours, and no
    # refresh of ours stands in that. Chromium goes on by itself, after 1 s, 5 s and 30 s, in the
    # tab that is looked at. Not every browser does: there it is the buyer who must reload.
    allow_absence(watch)
    page = await visitors.new(Variant(script=False))
    await buy(page, demo)
    await page.get_by_label("Not until asked").check()
    payment = await page.context.new_page()
    await payment.goto(page.url)
    await page.get_by_role("button", name="Pay $").click()
    await expect(heading(page)).to_have_text(CONFIRMING)

    async with demo.without_service():
        await page.wait_for_event("requestfailed")

    await payment.get_by_role("link", name="Reload").click()
    await webhook(payment, COMPLETED).get_by_role("button", name="Send now").click()
    await page.bring_to_front()
    await expect(heading(page)).to_have_text(PAID, timeout=PATIENCE_MS)


@pytest.mark.e2e_long
async def test_without_script_a_service_that_cannot_read_is_asked_again(
    demo: RunningDemo, visitors: Visitors, watch: Watch
) -> None:
    watch.expect("status of 503")
    page = await visitors.new(Variant(script=False))
    await buy(page, demo)
    await page.get_by_label("Not until asked").check()
    await page.get_by_role("button", name="Pay $").click()
    await expect(heading(page)).to_have_text(CONFIRMING)

    query(demo.database_path, "ALTER TABLE payments RENAME TO payments_away")
    try:
        await expect(heading(page)).to_have_text("This page cannot be shown right now")
    finally:
        query(demo.database_path, "ALTER TABLE payments_away RENAME TO payments")

    await expect(heading(page)).to_have_text(CONFIRMING, timeout=PATIENCE_MS)


@pytest.mark.e2e_long
async def test_what_a_killed_service_did_not_take_is_sent_again(
    demo: RunningDemo, page: Page, watch: Watch
) -> None:
    allow_absence(watch)
    purchase = await begin(page, demo)
    await purchase.press("Pay by bank transfer")
    await purchase.assert_ends(PROCESSING, "processing")

    async with demo.without_service(killed=True):
        await purchase.press("The bank pays")
        await expect(webhook(page, SUCCEEDED)).to_contain_text("no answer")
        await expect(webhook(page, SUCCEEDED)).to_contain_text("next try at")

    await expect(webhook(page, SUCCEEDED)).to_contain_text("200", timeout=PATIENCE_MS)
    await purchase.assert_ends(PAID, "paid")
