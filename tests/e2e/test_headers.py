"""Each page's header stays on one line, even on the smallest phone."""

from typing import Final

import pytest
from playwright.async_api import Page

from tests.support.browser.places import PLACES, Place
from tests.support.browser.running import RunningDemo
from tests.support.browser.watch import Watch

# The lines that an element's words fill: the tops of their boxes, less what a font may differ.
WRAPPED: Final = """
() => [...document.querySelectorAll("header a, header p, aside.demo")].filter((element) => {
  const words = document.createRange();
  words.selectNodeContents(element);
  const middles = [...words.getClientRects()].filter(({ width }) => width > 0)
    .map(({ top, bottom }) => (top + bottom) / 2);
  return Math.max(...middles) - Math.min(...middles) > 8;
}).map((element) => element.outerHTML.slice(0, 120))
"""
SANDBOX_PLACES: Final = {
    "shop",
    "full-cart",
    "faults",
    "orders",
    "payment",
    "payments",
    "payment-paid",
}


@pytest.mark.parametrize("width", [390, 360, 320])
@pytest.mark.parametrize("place", [each for each in PLACES if each.name in SANDBOX_PLACES], ids=str)
async def test_the_header_does_not_wrap(
    demo: RunningDemo, page: Page, watch: Watch, place: Place, width: int
) -> None:
    await page.set_viewport_size({"width": width, "height": 844})
    watch.allow("status of ")
    await place.reach(page, demo)

    assert await page.evaluate(WRAPPED) == []
