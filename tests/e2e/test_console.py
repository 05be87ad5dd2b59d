"""The operators' console in a real browser, without script as it is meant to be."""

import re
from pathlib import Path

from playwright.async_api import Page, expect

from tests.support.browser.own_page import OwnPage
from tests.support.browser.places import open_an_order, open_console, sign_in
from tests.support.browser.running import RunningDemo
from tests.support.browser.visitors import Variant, Visitors
from tests.support.browser.watch import Watch

NO_SCRIPT = Variant(script=False)


async def test_an_operator_finds_an_order_and_marks_its_flag_as_seen(
    demo: RunningDemo, visitors: Visitors
) -> None:
    page = await visitors.new(NO_SCRIPT)
    await sign_in(page, demo)
    await page.get_by_role("searchbox").fill("JO@buyer.example")
    await page.get_by_role("button", name="Search").click()
    await expect(page.get_by_role("status")).to_contain_text("found")
    await (
        page.get_by_role("listitem")
        .filter(has_text="flag: disputed")
        .get_by_role("link")
        .first.click()
    )
    await expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    await expect(page.get_by_text("Order after it: disputed").first).to_be_visible()

    await page.get_by_role("button", name="Mark as seen").click()

    await expect(page.get_by_role("status")).to_have_text("The flag is marked as seen.")
    await expect(page.get_by_role("button", name="Mark as seen")).to_have_count(0)


async def test_a_notification_is_sent_again_from_its_order(
    demo: RunningDemo, visitors: Visitors
) -> None:
    page = await visitors.new(NO_SCRIPT)
    await open_an_order(page, demo)
    tries = page.get_by_role("listitem").filter(has_text="Notification order.paid").first
    await expect(tries.get_by_text("answered 204")).to_have_count(1)

    await tries.get_by_role("button", name=re.compile("Send again")).click()

    await expect(page.get_by_role("status")).to_contain_text("The notification is due now")
    while await tries.get_by_text("answered 204").count() < 2:
        await page.reload()


async def test_a_wrong_token_is_refused_and_signing_out_ends_it(
    demo: RunningDemo, visitors: Visitors, watch: Watch
) -> None:
    watch.expect("status of 401")
    page = await visitors.new(NO_SCRIPT)
    await open_console(page, demo)
    await page.get_by_label("Operators' token").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text("That is not the token")

    await sign_in(page, demo)
    await page.get_by_role("button", name="Sign out").click()

    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()


async def test_a_link_in_another_sites_page_leads_a_signed_in_operator_to_the_order(
    demo: RunningDemo, page: Page, own_page: OwnPage, watch: Watch
) -> None:
    watch.expect("status of 401")  # the cookie does not come along with a link of another site
    await open_an_order(page, demo)
    address = page.url
    own_page.add(f"<a href='{address}'>The order</a>")
    await page.goto(own_page.url.replace("127.0.0.1", "shop.test"))

    await page.get_by_role("link", name="The order").click()

    await expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    assert page.url == address


def test_the_pages_have_no_script() -> None:
    folder = Path(__file__).parents[2] / "app/web/pages/templates/console"
    templates = list(folder.glob("*.html"))

    assert len(templates) > 8
    assert [path.name for path in templates if "<script" in path.read_text()] == []
