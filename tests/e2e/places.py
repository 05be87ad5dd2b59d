"""Every page that a person meets, and how a buyer gets there in the demo."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from playwright.async_api import Page

from tests.e2e.running import RunningDemo


async def open_shop(page: Page, demo: RunningDemo) -> None:
    await page.goto(demo.shop_url)


async def open_faults(page: Page, demo: RunningDemo) -> None:
    await page.goto(f"{demo.shop_url}/sandbox/faults")


async def buy(page: Page, demo: RunningDemo) -> None:
    """To the payment page, by a form; works without script."""
    await open_shop(page, demo)
    await page.get_by_role("button", name="Buy", exact=True).first.click()
    await page.wait_for_url("**/c/pay/cs_*")


async def buy_with_fetch(page: Page, demo: RunningDemo) -> None:
    """To the payment page, by the shop's script."""
    await open_shop(page, demo)
    await page.get_by_role("button", name="Buy with fetch").first.click()
    await page.wait_for_url("**/c/pay/cs_*")


async def pay(page: Page, demo: RunningDemo) -> None:
    """To where the shop sends those who have paid."""
    await buy(page, demo)
    await page.get_by_role("button", name="Pay $").click()
    await page.wait_for_url("**/thanks?*")


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
    Place("faults", open_faults),
    Place("payment", buy),
    Place("thanks", pay),
    Place("refused", be_refused, expects="status of 422"),
)
