"""A page that watches a payment with /checkout.js."""

from playwright.async_api import Request

from tests.support.browser.shop_page import ShopPage

NO_EVENT_SOURCE = "delete window.EventSource;"


# Makes every stream that the page opens available to tests.
SEEN_STREAMS = """
window.streams = [];
window.EventSource = class extends EventSource {
  constructor(...args) { super(...args); streams.push(this); }
};
"""

CLOSED = "streams.length === 1 && streams[0].readyState === EventSource.CLOSED"


def polls(visit: ShopPage) -> list[Request]:
    return [r for r in visit.sent("GET") if "/checkout/" in r.url and not r.url.endswith("/events")]
