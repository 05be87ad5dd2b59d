"""One purchase in two tabs: whoever acts on the payment page, the success page must tell of it."""

from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

from playwright.async_api import Locator, Page, expect

from tests.support.browser.places import buy
from tests.support.browser.running import RunningDemo

CONFIRMING: Final = "We are confirming your payment…"
PROCESSING: Final = "Your bank is still confirming your payment"
PAID: Final = "Thank you, your payment was received."
# What a restart, a busy machine and the pauses between two tries may take together.
PATIENCE_MS: Final = 40_000


@dataclass(frozen=True, slots=True)
class Purchase:
    """A payment page, and the success page of the same payment beside it."""

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
        # A page that were loaded anew would lose the mark.
        await success.evaluate("document.body.id = 'the_same_document'")
        return cls(payment, success, status_url)

    async def press(self, name: str) -> None:
        """Press a button of the payment page."""
        await self.payment.get_by_role("button", name=name, exact=True).click()

    async def pay(self) -> None:
        """Pay, and be led to the success page in this tab, too."""
        await self.payment.get_by_role("button", name="Pay $").click()
        await self.payment.wait_for_url("**/checkout/chk_*/page*")

    async def pay_and_come_back(self) -> None:
        """Pay, and look at the payment page again."""
        await self.pay()
        await self.payment.go_back(wait_until="commit")
        await expect(self.payment.get_by_text("Paid. Thank you!")).to_be_visible()

    async def assert_ends(self, words: str, status: str) -> None:
        """The tab that was left alone says so by itself, and so does the service to a program."""
        still_there = self.success.locator("#the_same_document")
        await expect(still_there.get_by_role("heading", level=1)).to_have_text(
            words, timeout=PATIENCE_MS
        )
        assert await self.status() == status

    async def status(self) -> str:
        """What the service tells a program."""
        answer = await self.success.request.get(self.status_url)
        return str((await answer.json())["status"])


async def begin(page: Page, demo: RunningDemo) -> Purchase:
    """From the shop to the payment page, the success page beside it."""
    await buy(page, demo)
    return await Purchase.beside(page, demo)


def heading(page: Page) -> Locator:
    """What a page says first."""
    return page.get_by_role("heading", level=1)


def session_id_of(payment: Page) -> str:
    """Stripe's id of the session, as the payment page's address has it."""
    return urlsplit(payment.url).path.rpartition("/")[2]


def webhook(payment: Page, type_: str) -> Locator:
    """An event in a payment page's list of webhooks, with the service's answers."""
    return payment.get_by_role("listitem").filter(has=payment.get_by_text(type_, exact=True))
