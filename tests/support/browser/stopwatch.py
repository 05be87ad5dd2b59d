"""Durations measured by the browser, from a click to what the person sees.

A page cannot be queried after the browser leaves it, so each page reports every moment when it
happens. The test only reads these reports, so polling does not affect them.
"""

import asyncio
from collections import defaultdict
from typing import Final

from playwright.async_api import BrowserContext

from tests.support.builders import DEADLINE_S

PAYMENT_PAGE: Final = "the payment page is painted"
PAID_PAINTED: Final = "paid is painted"

# Since 1970, because each page's clock has its own start (High Resolution Time, 4.3).
TELL: Final = """
const note = (what, at = performance.now()) => tellMoment(what, performance.timeOrigin + at);

addEventListener("click", ({ target, timeStamp }) => {
  const button = target.closest("button");
  if (button) note(button.innerText, timeStamp);
}, true);

new PerformanceObserver((list) => {
  for (const { startTime } of list.getEntriesByName("first-contentful-paint")) {
    if (location.pathname.startsWith("/c/pay/")) note("the payment page is painted", startTime);
    // What was there from the beginning is seen when it is painted.
    if (document.querySelector("main[data-status=paid]")) note("paid is painted", startTime);
  }
}).observe({ type: "paint", buffered: true });

addEventListener("DOMContentLoaded", () => {
  const main = document.querySelector("main[data-status]");
  if (!main) return;
  // One frame to paint it; the next begins when that is done.
  const whenPainted = (act) => requestAnimationFrame(() => requestAnimationFrame(act));
  new MutationObserver(() => {
    if (main.dataset.status === "paid") whenPainted(() => note("paid is painted"));
  }).observe(main, { attributeFilter: ["data-status"] });
});
"""


class Stopwatch:
    """What the pages of a context told, the latest of each kind."""

    def __init__(self) -> None:
        self._at_ms: dict[str, float] = {}
        self._told: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def over(self, context: BrowserContext) -> None:
        """Begin to listen to every page of `context`."""
        await context.expose_function("tellMoment", self._note)
        await context.add_init_script(TELL)

    def reset(self) -> None:
        """Forget the round before."""
        self._at_ms.clear()
        self._told.clear()

    async def ms(self, button: str, what: str) -> float:
        """How long it took from the click on a button, once it is over."""
        async with asyncio.timeout(DEADLINE_S):
            await self._told[what].wait()
        took_ms = self._at_ms[what] - self._at_ms[button]
        assert took_ms > 0, f"{what} before the click"
        return took_ms

    def _note(self, what: str, at_ms: float) -> None:
        self._at_ms[what] = at_ms
        self._told[what].set()
