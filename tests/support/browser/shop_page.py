"""A shop's page on plain http in a real Chromium, which has imported the service's /checkout.js.

The shop is `http://shop.test`, a different origin than the service's and not a secure context.
Stripe's payment page and Altan Pay are stand-ins; the service is a separate process.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, BrowserContext, Page, Request, Route
from starlette.applications import Starlette
from starlette.requests import Request as PageRequest
from starlette.responses import HTMLResponse
from starlette.routing import Route as Address

from tests.support.browser.visitors import Visitors
from tests.support.browser.watch import Watch
from tests.support.builders import SECRET, event, serving, session
from tests.support.faults.upstream import Upstream, running_upstream
from tests.support.processes import ServiceProcess, running_process

CART: Final = {"lineItems": [{"price": "price_A", "quantity": 2}]}
OTHER_CART: Final = {"lineItems": [{"price": "price_B", "quantity": 1}]}
HOUR: Final = datetime(1970, 1, 1, 1, tzinfo=UTC)  # of a page whose clock starts at 0
DEADLINE_MS: Final = 60_000  # for what happens soon; reaching it fails the test

# Failures that a test causes on purpose, and the stand-in for Stripe.
_ALLOWED: Final = (
    "Failed to load resource",
    "failed request: ",
    "ALLOWED_ORIGINS?",
    "https://checkout.stripe.com/",
)
_HTML: Final = """<!doctype html><title>Shop</title><script type="module">
import * as checkout from "{service_url}/checkout.js";
Object.assign(window, checkout, {{ isReady: true, told: [], errors: [] }});
window.problemOf = (error) => ({{
  ...error, name: error.name, message: error.message,
  isOurs: error instanceof CheckoutError && error instanceof Error,
}});
</script>"""


@dataclass(slots=True)
class Shop:
    """The browser, and the servers behind its pages."""

    url: str
    browser: Browser
    upstream: Upstream
    process: ServiceProcess
    balancer_url: str = ""  # the service's URL for browsers, if it is behind a balancer

    @property
    def service_url(self) -> str:
        return self.balancer_url or str(self.process.service.client.base_url).rstrip("/")

    @asynccontextmanager
    async def visited(self, *, init_script: str = "") -> AsyncIterator["ShopPage"]:
        """Open the shop as a new buyer; `init_script` runs before the page's own scripts."""
        watch = Watch()
        for words in _ALLOWED:
            watch.allow(words)
        visitors = Visitors(self.browser, watch)
        tab = await visitors.new()
        context = tab.context
        context.set_default_timeout(DEADLINE_MS)
        await context.route("https://checkout.stripe.com/**", _pretend_to_be_stripe)
        if init_script:
            await context.add_init_script(init_script)
        page = ShopPage(self, context, tab, watch)
        page.page.on("request", lambda request: page.note(request))  # noqa: PLW0108 slots
        await page.open()
        yield page
        await visitors.leave()
        watch.assert_clean()

    async def new_checkout(self) -> tuple[str, str]:
        """A checkout's id and its session's id."""
        cart = {"line_items": [{"price": "price_A", "quantity": 1}]}
        answer = await self.process.service.client.post(
            "/checkout", json=cart, headers={"Accept": "application/json"}
        )
        started = answer.json()
        return started["checkout_id"], started["session_id"]

    async def tell(self, type_: str, session_id: str, **changes: object) -> None:
        """Send an event of a session, as Stripe does."""
        subject = session(id=session_id, success_url=None, **changes)
        document = event(type_, subject, id=f"evt_{type_.replace('.', '_')}_{session_id}")
        answer = await self.process.service.deliver(document, secret=SECRET)
        assert answer.status_code == 200, answer.text

    async def pays(self, session_id: str) -> None:
        await self.tell("checkout.session.completed", session_id)


@dataclass(slots=True)
class ShopPage:
    """A tab, and its requests to the service."""

    shop: Shop
    context: BrowserContext
    page: Page
    seen: Watch
    requests: list[Request] = field(default_factory=list)

    def note(self, request: Request) -> None:
        if request.url.startswith(f"{self.shop.service_url}/checkout"):
            self.requests.append(request)

    async def open(self) -> None:
        await self.page.goto(f"{self.shop.url}/?service={self.shop.service_url}")
        await self.page.wait_for_function("window.isReady")

    async def stop_the_clock(self) -> None:
        """Open the shop again; its timers run only on request."""
        await self.page.clock.install(time=0)
        await self.open()
        await self.page.clock.pause_at(HOUR)

    async def buy(self, *carts: object) -> str:
        """Click once for each cart at the same time; return the payment page's URL."""
        await self.click(*carts)
        # Not wait_for_url, which fails if one click overtakes another.
        await self.until("location.host === 'checkout.stripe.com'")
        return self.page.url

    async def click(self, *carts: object) -> None:
        await self.page.evaluate("(carts) => { carts.forEach((c) => startCheckout(c)); }", carts)

    async def problem(self, cart: object = CART) -> dict[str, Any]:
        """Return the error of a click."""
        problem: dict[str, Any] = await self.page.evaluate(
            "(cart) => startCheckout(cart).then(() => null, problemOf)", cart
        )
        return problem

    async def watch(self, public_id: str, name: str = "told") -> None:
        """Watch a payment; its statuses are in a variable of the page."""
        await self.page.evaluate(
            """([id, name]) => {
              const seen = (window[name] = []);
              const onError = (error) => errors.push(problemOf(error));
              window[`stop_${name}`] = watchCheckout(id, (it) => seen.push(it), { onError });
            }""",
            [public_id, name],
        )

    async def until(self, condition: str) -> None:
        await self.page.wait_for_function(condition)

    async def statuses(self, name: str = "told") -> list[str]:
        told: list[str] = await self.page.evaluate(
            "(name) => window[name].map((p) => p.status)", name
        )
        return told

    def sent(self, method: str, ending: str = "") -> list[Request]:
        return [r for r in self.requests if r.method == method and r.url.endswith(ending)]

    async def keys(self) -> list[str | None]:
        return [await r.header_value("idempotency-key") for r in self.sent("POST")]

    async def route(self, ending: str, handler: Any) -> None:  # noqa: ANN401 as Playwright has it
        await self.context.route(f"{self.shop.service_url}/checkout{ending}", handler)


async def lose_the_answer(route: Route) -> None:
    """Let requests reach the service, but lose the answers."""
    if route.request.method == "POST":
        await route.fetch()
        await route.abort()
    else:
        await route.continue_()


async def hold(route: Route) -> None:
    """Behave like a buffering proxy: nothing arrives, and nothing ends."""


async def abort(route: Route) -> None:
    await route.abort()


async def _pretend_to_be_stripe(route: Route) -> None:
    await route.fulfill(content_type="text/html", body="<title>Payment page</title>")


@asynccontextmanager
async def running_shop(folder: Path, browser: Browser, **environment: str) -> AsyncIterator[Shop]:
    async def page(request: PageRequest) -> HTMLResponse:
        return HTMLResponse(_HTML.format(service_url=request.query_params["service"]))

    async with (
        serving(Starlette(routes=[Address("/", page)])) as site,
        running_upstream() as upstream,
    ):
        url = f"http://shop.test:{site.base_url.port}"
        ours = service_environment(url, upstream)
        async with running_process(folder, **ours | environment) as process:
            yield Shop(url, browser, upstream, process)


def service_environment(shop_url: str, upstream: Upstream) -> dict[str, str]:
    return {
        "ALTAN_PAY_URL": upstream.url,
        "ALLOWED_ORIGINS": f"{shop_url},https://shop.example",
        "RATE_LIMIT_CHECKOUT": "off",
    }
