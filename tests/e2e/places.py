"""Every page that a person meets, and how a buyer gets there in the demo."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from playwright.async_api import Page

from tests.e2e.running import RunningDemo


async def open_shop(page: Page, demo: RunningDemo) -> None:
    await page.goto(demo.shop_url)


async def open_cart(page: Page, demo: RunningDemo) -> None:
    """The shop, with something in its cart."""
    await open_shop(page, demo)
    await page.get_by_role("button", name="Add to cart").first.click()
    await page.get_by_role("button", name="Buy", exact=True).wait_for()


async def open_faults(page: Page, demo: RunningDemo) -> None:
    await page.goto(f"{demo.shop_url}/sandbox/faults")


async def buy(page: Page, demo: RunningDemo) -> None:
    """To the payment page, by a form without script; with script, by whichever way is chosen."""
    await open_cart(page, demo)
    await page.get_by_role("button", name="Buy", exact=True).click()
    await page.wait_for_url("**/c/pay/cs_*")


async def buy_by(way: str, page: Page, demo: RunningDemo) -> None:
    """To the payment page, by one of the shop's ways to buy."""
    await open_cart(page, demo)
    await page.get_by_role("radio", name=way).check()
    await page.get_by_role("button", name="Buy", exact=True).click()
    await page.wait_for_url("**/c/pay/cs_*")


async def pay(page: Page, demo: RunningDemo) -> None:
    """To the service's page for those who have paid."""
    await buy(page, demo)
    await page.get_by_role("button", name="Pay $").click()
    await page.wait_for_url("**/checkout/chk_*/page*")


async def be_refused(page: Page, demo: RunningDemo) -> None:
    """To the service's page for what is wrong with a cart."""
    await open_faults(page, demo)
    await page.get_by_role("button", name="Buy price_fault_400", exact=True).click()
    await page.wait_for_url(f"{demo.service_url}/checkout")


@dataclass(frozen=True, slots=True)
class Place:
    """A page by its name, and what the console must say on the way."""

    name: str
    reach: Callable[[Page, RunningDemo], Awaitable[None]]
    expects: str | None = None

    def __str__(self) -> str:
        return self.name


PLACES: Final = (
    Place("shop", open_shop),
    Place("cart", open_cart),
    Place("faults", open_faults),
    Place("payment", buy),
    Place("success", pay),
    Place("refused", be_refused, expects="status of 422"),
)
