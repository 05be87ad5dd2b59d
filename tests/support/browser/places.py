"""Every page that people see, and how to reach it in the demo."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from playwright.async_api import Page

from sandbox.shop.products import PRODUCTS
from tests.support.browser.clicks import new_session
from tests.support.browser.running import RunningDemo

Way = Callable[[Page, RunningDemo], Awaitable[None]]


async def open_shop(page: Page, demo: RunningDemo) -> None:
    await page.goto(demo.shop_url)


async def open_cart(page: Page, demo: RunningDemo) -> None:
    """Open the shop with something in its cart."""
    await open_shop(page, demo)
    await page.get_by_role("button", name="Add to cart").first.click()
    await page.get_by_role("button", name="Buy", exact=True).wait_for()


async def open_full_cart(page: Page, demo: RunningDemo) -> None:
    """Open the shop with a full cart."""
    everything = "&".join(f"{product.slug}=99" for product in PRODUCTS)
    await page.goto(f"{demo.shop_url}/?{everything}")


async def be_told_in_the_shop(page: Page, demo: RunningDemo) -> None:
    """Open the shop after Altan Pay has refused its cart."""
    await open_cart(page, demo)
    price = page.locator("#cart input[name=price]").first
    await price.evaluate("(field) => { field.value = 'price_fault_400'; }")
    await page.get_by_role("button", name="Buy", exact=True).click()
    await page.get_by_role("alert").get_by_text("cart_refused").wait_for()


async def open_faults(page: Page, demo: RunningDemo) -> None:
    await page.goto(f"{demo.shop_url}/sandbox/faults")


async def open_orders(page: Page, demo: RunningDemo) -> None:
    """The order desk, with some orders in it."""
    await pay(page, demo)
    await page.goto(f"{demo.shop_url}/sandbox/orders")
    await page.get_by_role("main").get_by_role("listitem").first.wait_for()


async def open_notifications(page: Page, demo: RunningDemo) -> None:
    """The notifications that the shop's server got."""
    await pay(page, demo)
    await page.goto(f"{demo.shop_url}/sandbox/notifications")
    tries = page.get_by_role("main").get_by_role("listitem")
    while not await tries.count():  # without script, the page shows what came by reloading
        await page.reload()


async def open_payments(page: Page, demo: RunningDemo) -> None:
    """Open the list of payments with some entries."""
    for acts in (("pay",), ("pay", "dispute_open"), ("expire",)):
        await new_session(page, demo, *acts, last_with={})
    await page.goto(f"{demo.shop_url}/sandbox/payments")


async def buy(page: Page, demo: RunningDemo) -> None:
    """Go to the payment page by the form, or with script by the chosen way."""
    await open_cart(page, demo)
    await page.get_by_role("button", name="Buy", exact=True).click()
    await page.wait_for_url("**/c/pay/cs_*")


async def buy_by(way: str, page: Page, demo: RunningDemo) -> None:
    """Go to the payment page by one of the shop's ways to buy."""
    await open_cart(page, demo)
    await page.get_by_role("radio", name=way).check()
    await page.get_by_role("button", name="Buy", exact=True).click()
    await page.wait_for_url("**/c/pay/cs_*")


async def pay(page: Page, demo: RunningDemo) -> None:
    """Go to the service's success page after paying."""
    await buy(page, demo)
    await page.get_by_role("button", name="Pay $").click()
    await page.wait_for_url("**/checkout/chk_*/page*")


async def be_refused(page: Page, demo: RunningDemo) -> None:
    """Go to the service's error page for an invalid cart."""
    await open_faults(page, demo)
    await page.get_by_role("button", name="Buy price_fault_400", exact=True).click()
    await page.wait_for_url(f"{demo.service_url}/checkout")


async def open_unknown_payment(page: Page, demo: RunningDemo) -> None:
    await page.goto(f"{demo.shop_url}/c/pay/cs_test_nobody")


async def open_unknown_checkout(page: Page, demo: RunningDemo) -> None:
    await page.goto(f"{demo.service_url}/checkout/cs_test_nobody/page")


def payment_after(*acts: str, **last_with: object) -> Way:
    """Go to the payment page of a session after `acts`, the last with `last_with`."""

    async def reach(page: Page, demo: RunningDemo) -> None:
        session_id = await new_session(page, demo, *acts, last_with=last_with)
        await page.goto(f"{demo.shop_url}/c/pay/{session_id}")

    return reach


def success(status: str, *acts: str, **last_with: object) -> Way:
    """Go to the success page that shows `status` after `acts`, the last with `last_with`."""

    async def reach(page: Page, demo: RunningDemo) -> None:
        session_id = await new_session(page, demo, *acts, last_with=last_with)
        await page.goto(f"{demo.service_url}/checkout/page?session_id={session_id}")
        await page.locator(f"main[data-status={status}]").wait_for()

    return reach


async def wait_for_long(page: Page, demo: RunningDemo) -> None:
    """Go to the success page as it is after a long wait without any event."""
    await success("open")(page, demo)
    await page.goto(f"{page.url}?opened=1")
    await page.locator(".late").wait_for()


async def open_console(page: Page, demo: RunningDemo) -> None:
    """Open the page that asks an operator for the token."""
    await page.goto(f"{demo.service_url}/console")


async def sign_in(page: Page, demo: RunningDemo) -> None:
    """Open the console's list of orders, with some in it."""
    for acts in (("pay",), ("pay", "dispute_open"), ("expire",)):
        await new_session(page, demo, *acts, last_with={})
    await open_console(page, demo)
    await page.get_by_label("Operators' token").fill(demo.demo.admin_token)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("heading", name="Orders", exact=True).wait_for()


async def open_an_order(page: Page, demo: RunningDemo) -> None:
    """Open a disputed order in the console."""
    await sign_in(page, demo)
    await page.get_by_role("listitem").filter(has_text="disputed").get_by_role("link").first.click()
    await page.get_by_role("heading", name="Timeline").wait_for()


def console_page(name: str, query: str = "") -> Way:
    """Go to a page of the console by its navigation, and on to `query`."""

    async def reach(page: Page, demo: RunningDemo) -> None:
        await sign_in(page, demo)
        await page.get_by_role("link", name=name, exact=True).click()
        await page.get_by_role("heading", name=name, level=1).wait_for()
        if query:
            await page.goto(f"{page.url}?{query}")

    return reach


@dataclass(frozen=True, slots=True)
class Place:
    """A page's name, and the expected console messages on the way."""

    name: str
    reach: Way
    expects: str | None = None
    is_main: bool = False

    def __str__(self) -> str:
        return self.name


SUCCESS_PLACES: Final = (
    Place("confirming", success("open", "pay", withhold=True), is_main=True),
    Place("late", wait_for_long),
    Place("processing", success("processing", "pay_later")),
    Place("paid", success("paid", "pay"), is_main=True),
    Place("failed", success("failed", "pay_later", "bank_fails")),
    Place("expired", success("expired", "expire")),
    Place("partially-refunded", success("partially_refunded", "pay", "refund", amount=450)),
    Place("refunded", success("refunded", "pay", "refund")),
    Place("disputed", success("disputed", "pay", "dispute_open")),
)
PLACES: Final = (
    Place("shop", open_shop, is_main=True),
    Place("cart", open_cart, is_main=True),
    Place("full-cart", open_full_cart),
    Place("cart-refused", be_told_in_the_shop, expects="status of 422"),
    Place("faults", open_faults, is_main=True),
    Place("payments", open_payments, is_main=True),
    Place("orders", open_orders, is_main=True),
    Place("notifications", open_notifications, is_main=True),
    Place("payment", buy, is_main=True),
    Place("payment-declined", payment_after("decline")),
    Place("payment-awaiting-bank", payment_after("pay_later")),
    Place("payment-paid", payment_after("pay", "refund", amount=450), is_main=True),
    Place("payment-held-back", payment_after("pay", "dispute_open", withhold=True)),
    Place("payment-expired", payment_after("expire")),
    Place("payment-unknown", open_unknown_payment, expects="status of 404"),
    Place("refused", be_refused, expects="status of 422", is_main=True),
    Place("unknown", open_unknown_checkout, expects="status of 404"),
    Place("console-sign-in", open_console, is_main=True),
    Place("console-orders", sign_in, is_main=True),
    Place("console-order", open_an_order, is_main=True),
    Place("console-events", console_page("Events", "state=all")),
    Place("console-notifications", console_page("Notifications", "state=all")),
    Place("console-health", console_page("Health")),
    *SUCCESS_PLACES,
)
