"""Payment pages behind a circuit breaker, in front of an upstream that misbehaves."""

import asyncio
import ipaddress
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from app.adapters.altan_pay.breaker import CircuitBreaker
from app.adapters.altan_pay.bulkhead import Bulkhead
from app.adapters.altan_pay.client import AltanPay, AltanPayAccount
from app.adapters.altan_pay.retries import Retries
from app.adapters.http_transport import AiohttpTransport
from app.domain.checkout.cart import Cart, LineItem, Mode
from app.domain.checkout.redirects import PaymentPage
from app.domain.errors import CheckoutError
from app.domain.limits.breaker_evidence import FAILURES_MIN
from app.usecases.records import SessionOrder
from tests.support.altan_pay_calls import always_wanted
from tests.support.faults.upstream import (
    Upstream,
    doing,
    refusal,
    says,
)

OPEN_S: Final = 0.4

WAIT_S: Final = 10.0  # for what happens soon; reaching it fails the test


# With this, there are no retries: one call for each checkout, and no pauses.
FAILS: Final = says(refusal(503, "Retry-After: 999"))

buyers_numbers = itertools.count(1)


def order(price: str = "price_ABC123", client: str | None = None) -> SessionOrder:
    """Return a request for a good price, by default from a new client."""
    return SessionOrder(
        cart=Cart((LineItem(price, 1),), Mode.PAYMENT),
        success_url="https://shop.example/",
        cancel_url="https://shop.example/",
        client=client or str(ipaddress.IPv4Address(next(buyers_numbers))),
    )


@dataclass(frozen=True, slots=True)
class Pages:
    """The whole stack in front of one upstream, with a breaker that opens only briefly."""

    guarded: CircuitBreaker
    states: list[str]

    async def create(self, asked: SessionOrder | None = None) -> PaymentPage:
        async with asyncio.timeout(WAIT_S):
            return await self.guarded.create(asked or order())

    async def outcomes(self, count: int) -> list[str]:
        """Start this many checkouts in sequence; return their codes."""
        return [await self.outcome() for _ in range(count)]

    async def outcome(self, asked: SessionOrder | None = None) -> str:
        try:
            await self.create(asked)
        except CheckoutError as error:
            return error.code
        return "ok"

    async def open_it(self, upstream: Upstream) -> None:
        async with doing(upstream, FAILS):
            await self.outcomes(FAILURES_MIN)
        assert self.states[-1] == "open"

    async def probe_that_reaches(self, upstream: Upstream) -> asyncio.Task[str]:
        """Return the first checkout that is let through after the breaker was open."""
        calls_before = upstream.calls
        async with asyncio.timeout(WAIT_S):
            while True:
                probe = asyncio.create_task(self.outcome())
                reached = asyncio.create_task(upstream.wait_for_calls(calls_before + 1))
                await asyncio.wait((probe, reached), return_when=asyncio.FIRST_COMPLETED)
                if reached.done():
                    return probe
                reached.cancel()
                assert await probe == "altan_pay_unavailable"
                await asyncio.sleep(0.01)  # between two checks of the clock


async def wanted() -> bool:
    return True


@asynccontextmanager
async def pages_of(
    upstream: Upstream, *, places: int = 20, deadline_s: float = WAIT_S
) -> AsyncIterator[Pages]:
    account = AltanPayAccount(url=upstream.url, account_id="a", stripe_connect_id="acct_1")
    states = ["closed"]
    hosts = frozenset({"checkout.stripe.com"})
    async with AiohttpTransport() as transport:
        altan_pay = AltanPay(account, transport=transport, version="1", allowed_hosts=hosts)
        bounded = Bulkhead(altan_pay, places=places, wait_s=0.01)
        retrying = Retries(bounded, deadline_s=deadline_s, still_wanted=always_wanted)
        yield Pages(CircuitBreaker(retrying, on_change=states.append, open_s=OPEN_S), states)
