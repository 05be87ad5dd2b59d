"""One purchase in two tabs: the success page must show what happens on the payment page."""

from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

from playwright.async_api import Locator, Page, expect

from tests.support.browser.places import buy
from tests.support.browser.running import RunningDemo

CONFIRMING: Final = "We are confirming your payment…"
PROCESSING: Final = "Your bank is still confirming your payment"
PAID: Final = "Thank you, your payment was received."
# The time that a restart, a busy machine and pauses between attempts may take together.
PATIENCE_MS: Final = 40_000


@dataclass(frozen=True, slots=True)
class Purchase:
    """A payment page, and the success page of the same payment in another tab."""

    payment: Page
    success: Page
    status_url: str

    @classmethod
    async def beside(cls, payment: Page, demo: RunningDemo) -> Self:
        """Open the success page of an open payment page in a second tab of the same browser."""
        status_url = f"{demo.service_url}/checkout/{session_id_of(payment)}"
        success = await payment.context.new_page()
        await success.goto(f"{status_url}/page")
        await expect(heading(success)).to_have_text(CONFIRMING)
        # A reloaded page would lose this mark.
        await success.evaluate("document.body.id = 'the_same_document'")
        return cls(payment, success, status_url)

    async def press(self, name: str) -> None:
        """Press a button of the payment page."""
        await self.payment.get_by_role("button", name=name, exact=True).click()

    async def pay(self) -> None:
        """Pay, and follow the redirect to the success page in this tab, too."""
        await self.payment.get_by_role("button", name="Pay $").click()
        await self.payment.wait_for_url("**/checkout/chk_*/page*")

    async def pay_and_come_back(self) -> None:
        """Pay, and open the payment page again."""
        await self.pay()
        await self.payment.go_back(wait_until="commit")
        await expect(self.payment.get_by_text("Paid. Thank you!")).to_be_visible()

    async def assert_ends(self, words: str, status: str) -> None:
        """Check the status in the other tab, without a reload, and in the service's API."""
        still_there = self.success.locator("#the_same_document")
        await expect(still_there.get_by_role("heading", level=1)).to_have_text(
            words, timeout=PATIENCE_MS
        )
        assert await self.status() == status

    async def status(self) -> str:
        """Return the service's answer for programs."""
        answer = await self.success.request.get(self.status_url)
        return str((await answer.json())["status"])


async def begin(page: Page, demo: RunningDemo) -> Purchase:
    """Go from the shop to the payment page, and open the success page in another tab."""
    await buy(page, demo)
    return await Purchase.beside(page, demo)


def heading(page: Page) -> Locator:
    """Return a page's heading."""
    return page.get_by_role("heading", level=1)


def session_id_of(payment: Page) -> str:
    """Return the session's id from the payment page's URL."""
    return urlsplit(payment.url).path.rpartition("/")[2]


def webhook(payment: Page, type_: str) -> Locator:
    """Return an event in a payment page's list of webhooks, with the service's answers."""
    return payment.get_by_role("listitem").filter(has=payment.get_by_text(type_, exact=True))
