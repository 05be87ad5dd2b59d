"""The success page in a real browser updates automatically, whatever happens."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, Route, expect

from tests.support.browser.visitors import Variant, Visitors
from tests.support.browser.watch import Watch
from tests.support.builders import CHECKOUT_ID, SESSION_ID, Service, event, query, session
from tests.web.api.test_status import EXPIRED, keep_checkout

CONFIRMING = "We are confirming your payment…"
PAID = "Thank you, your payment was received."
PAGE = f"/checkout/{CHECKOUT_ID}/page"
KEEP_STREAMS = """
  window.streams = [];
  window.EventSource = class extends EventSource {
    constructor(url) { super(url); window.streams.push(this); }
  };
"""
STREAMS = "window.streams.map((stream) => stream.readyState)"
OPEN, CLOSED = 1, 2  # WHATWG HTML, 9.2.2
SET_HIDDEN = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture
async def visitors(service: Service, visitors: Visitors) -> AsyncIterator[Visitors]:
    """Buyers of one open checkout; they leave before the service, which would wait for streams."""
    keep_checkout(service.database_path)
    yield visitors
    await visitors.leave()


@pytest.fixture
async def page(service: Service, visitors: Visitors) -> Page:
    return await visitors.new(base_url=str(service.client.base_url))


async def open_page(page: Page) -> None:
    """Open it, and mark this very document: a reload would lose the mark."""
    await page.goto(PAGE)
    await expect(page.locator("h1")).to_have_text(CONFIRMING)
    await page.evaluate("document.body.id = 'the_same_document'")


async def assert_shows_without_reload(page: Page, heading: str) -> None:
    await expect(page.locator("#the_same_document h1")).to_have_text(heading, timeout=60_000)
    await expect(page).to_have_title(f"{heading} \N{EN DASH} shop.example")


async def test_paying_is_shown_without_a_reload(page: Page, service: Service) -> None:
    await open_page(page)

    await service.deliver(event())

    await assert_shows_without_reload(page, PAID)
    await expect(page.locator(".amount")).to_have_text("€19.99")


async def test_what_comes_after_a_payment_is_shown_too(page: Page, service: Service) -> None:
    await open_page(page)
    await service.deliver(event())
    await assert_shows_without_reload(page, PAID)

    refund = {"id": "re_1", "currency": "eur", "payment_intent": "pi_1", "status": "succeeded"}
    await service.deliver(event("refund.created", refund | {"amount": 1999}, id="evt_2"))

    await assert_shows_without_reload(page, "Your payment has been refunded")


async def test_a_recovery_is_shown_on_the_page_of_the_checkout_that_expired(
    page: Page, service: Service
) -> None:
    await open_page(page)
    recovery = {"recovery": {"enabled": True, "url": "https://buy.stripe.com/r/x"}}
    expired = session(payment_status="unpaid", payment_intent=None, after_expiration=recovery)
    await service.deliver(event(EXPIRED, expired, id="evt_expired"))
    await assert_shows_without_reload(page, "The payment page has expired")

    await service.deliver(event(subject=session(id="cs_test_back", recovered_from=SESSION_ID)))

    await assert_shows_without_reload(page, PAID)


async def refuse(route: Route) -> None:
    await route.fulfill(status=503)


async def cut_off(route: Route) -> None:
    await route.abort()


@pytest.mark.parametrize("answer", [refuse, pytest.param(cut_off, marks=pytest.mark.e2e_long)])
async def test_where_streams_do_not_pass_it_asks(
    page: Page, service: Service, watch: Watch, answer: object
) -> None:
    watch.expect("/events")
    await page.route("**/events", answer)  # type: ignore[arg-type]
    async with page.expect_request(f"**/checkout/{CHECKOUT_ID}?wait=25", timeout=60_000):
        await open_page(page)

    await service.deliver(event())

    await assert_shows_without_reload(page, PAID)


async def test_a_page_that_cannot_be_fetched_at_once_is_fetched_later(
    page: Page, service: Service, watch: Watch
) -> None:
    watch.expect("status of 503")
    await page.clock.install()
    await open_page(page)
    await page.route(f"**{PAGE}", refuse)
    async with page.expect_response(f"**{PAGE}"):
        await service.deliver(event())
    await page.unroute(f"**{PAGE}")

    await page.clock.fast_forward(5_000)

    await assert_shows_without_reload(page, PAID)


async def test_a_page_that_expires_leads_back_to_the_cart(page: Page, service: Service) -> None:
    query(service.database_path, "UPDATE checkouts SET cancel_url = 'https://shop.example/cart'")
    await open_page(page)
    link = page.locator(".way-back a")
    assert await link.get_attribute("href") != "https://shop.example/cart"

    await service.deliver(event(EXPIRED, session(payment_status="unpaid")))
    await assert_shows_without_reload(page, "The payment page has expired")

    assert await link.get_attribute("href") == "https://shop.example/cart"


async def test_nothing_is_listened_for_once_all_is_over(page: Page, service: Service) -> None:
    await page.add_init_script(KEEP_STREAMS)
    await open_page(page)
    await service.deliver(event(EXPIRED, session(payment_status="unpaid")))
    await assert_shows_without_reload(page, "The payment page has expired")

    # The service ends the stream; the browser asks once more, and is told that it was the end.
    async with asyncio.timeout(60):
        while await page.evaluate(STREAMS) != [CLOSED]:
            await page.wait_for_timeout(50)


async def test_a_hidden_tab_listens_while_a_payment_is_open_and_not_after(
    page: Page, service: Service
) -> None:
    await page.add_init_script(KEEP_STREAMS)
    await open_page(page)
    await page.evaluate(SET_HIDDEN, True)  # noqa: FBT003 JavaScript has no names for arguments
    await service.deliver(event())
    await assert_shows_without_reload(page, PAID)
    assert await page.evaluate(STREAMS) == [OPEN]

    await page.evaluate(SET_HIDDEN, True)  # noqa: FBT003 as above
    assert await page.evaluate(STREAMS) == [CLOSED]

    async with page.expect_response("**/events"):
        await page.evaluate(SET_HIDDEN, False)  # noqa: FBT003 as above


async def test_after_waiting_long_a_buyer_reads_that_nothing_is_lost(page: Page) -> None:
    await page.clock.install()
    await open_page(page)
    await page.clock.fast_forward(29_000)
    late = page.get_by_text("If you have paid, your payment is not lost")
    await expect(late).to_be_hidden()

    await page.clock.fast_forward(1_000)

    await expect(late).to_be_visible()


async def test_the_readers_own_time_stands_beside_utc(visitors: Visitors, service: Service) -> None:
    berlin = Variant(locale="en-GB", timezone="Europe/Berlin")
    page = await visitors.new(berlin, base_url=str(service.client.base_url))
    await open_page(page)

    await service.deliver(event())

    await assert_shows_without_reload(page, PAID)
    await expect(page.get_by_text("Paid on 9 October 2025, 08:53 (UTC)")).to_be_visible()
    await expect(page.locator("time.local")).to_have_text("9 October 2025 at 10:53 CEST")


async def test_without_script_it_reloads_itself(visitors: Visitors, service: Service) -> None:
    german = Variant(script=False, locale="de-DE")
    page = await visitors.new(german, base_url=str(service.client.base_url))
    await page.goto(PAGE)
    await service.deliver(event())

    await expect(page.locator("h1")).to_have_text("Vielen Dank, Ihre Zahlung ist eingegangen.")


@pytest.mark.parametrize("width", [320, 360, 1280])
async def test_it_fits_any_screen(page: Page, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 640})
    await page.goto(f"{PAGE}?lang=de&opened=1")

    assert await page.evaluate("document.documentElement.scrollWidth") == width


async def test_nothing_moves_for_who_wants_no_motion(page: Page) -> None:
    await page.emulate_media(reduced_motion="reduce")
    await open_page(page)
    moving = await page.evaluate("document.getAnimations().length")

    await page.emulate_media(reduced_motion="no-preference")

    assert moving == 0
    assert await page.evaluate("document.getAnimations().length") == 1
