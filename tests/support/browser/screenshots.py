"""`make screenshots`: takes the documentation's pictures of the demo."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from playwright.async_api import Page

from tests.support.browser.chromium import NoChromiumError, running_chromium
from tests.support.browser.places import Way, open_an_order, payment_after, sign_in, success
from tests.support.browser.running import RunningDemo, running_demo
from tests.support.browser.visitors import ORDINARY, Variant, Visitors
from tests.support.browser.watch import Watch
from tests.support.builders import ROOT

FOLDER: Final = ROOT / "docs/screenshots"
PICTURE_BYTES_MAX: Final = 150_000


async def open_shop_with_a_cart(page: Page, demo: RunningDemo) -> None:
    await page.goto(f"{demo.shop_url}/?beans=1&mug=2")


async def open_timeline(page: Page, demo: RunningDemo) -> None:
    """Open an order in the console, where its timeline begins."""
    await open_an_order(page, demo)
    timeline = page.get_by_role("heading", name="Timeline")
    await timeline.evaluate("(heading) => heading.scrollIntoView()")


@dataclass(frozen=True, slots=True)
class Picture:
    """Take one PNG, as high as the screen."""

    name: str
    reach: Way
    look: Variant = ORDINARY

    @property
    def file_name(self) -> str:
        return f"{self.name}.png"


PAID: Final = success("paid", "pay")
PICTURES: Final = (
    Picture("shop", open_shop_with_a_cart),
    Picture("shop-narrow-dark", open_shop_with_a_cart, Variant(narrow=True, dark=True)),
    Picture("payment", payment_after()),
    Picture("payment-paid", payment_after("pay", "refund", amount=450)),
    Picture("success-confirming", success("open", "pay", withhold=True), Variant(narrow=True)),
    Picture("success-paid", PAID, Variant(narrow=True)),
    Picture("success-paid-dark", PAID, Variant(narrow=True, dark=True)),
    Picture("success-paid-german", PAID, Variant(narrow=True, locale="de-DE")),
    Picture("console-orders", sign_in),
    Picture("console-order-dark", open_timeline, Variant(dark=True)),
)


async def take_pictures(
    pictures: Sequence[Picture], folder: Path, demo: RunningDemo, visitors: Visitors
) -> None:
    for picture in pictures:
        page = await visitors.new(picture.look)
        await picture.reach(page, demo)
        await page.screenshot(path=folder / picture.file_name, animations="disabled")


async def main() -> None:
    with TemporaryDirectory() as data, running_demo(Path(data)) as demo:
        async with running_chromium() as browser:
            await take_pictures(PICTURES, FOLDER, demo, Visitors(browser, Watch()))
    for picture in PICTURES:
        size = (FOLDER / picture.file_name).stat().st_size
        fault = f": more than {PICTURE_BYTES_MAX} bytes" if size > PICTURE_BYTES_MAX else ""
        sys.stdout.write(f"{picture.file_name}  {size} bytes{fault}\n")


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except NoChromiumError as error:
        sys.exit(str(error))
