"""Calls the client against a server whose answers a test chooses."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx
import orjson
import pytest

from app.adapters.altan_pay.client import (
    AltanPay,
    AltanPayAccount,
)
from app.adapters.http_transport import AiohttpTransport
from app.domain.checkout.cart import Cart, LineItem, Mode
from app.domain.checkout.redirects import PaymentPage
from app.domain.errors import (
    CheckoutError,
)
from app.usecases.records import SessionOrder
from tests.support.wire import (
    Script,
    answer,
    upstream,
)

ACCOUNT_ID = "4f6c1c1e-private-account"

CONNECT_ID = "acct_private1"

PRIVATE_WORD = "upstream-said-this"

PAGE = "https://checkout.stripe.com/c/pay/cs_test_a1YB2#fidkdWxOYHwnPyd1blpxYHZxWjA0%2F"

GOOD = answer(orjson.dumps({"url": PAGE}), "Content-Type: application/json")

ORDER = SessionOrder(
    cart=Cart((LineItem("price_ABC123", 1), LineItem("price_B", 2)), Mode.PAYMENT),
    success_url="https://shop.example/?session_id={CHECKOUT_SESSION_ID}&checkout_id=chk_1",
    cancel_url="https://shop.example/Cart#x",
)

PATIENCE_S = 60.0  # a call that takes longer exceeds its deadline


@asynccontextmanager
async def altan_pay(
    url: str,
    *,
    account_id: str = ACCOUNT_ID,
    connect_id: str = CONNECT_ID,
    transport: httpx.AsyncBaseTransport | None = None,
    extra: Mapping[str, object] | None = None,
) -> AsyncIterator[AltanPay]:
    account = AltanPayAccount(url=url, account_id=account_id, stripe_connect_id=connect_id)
    async with transport or AiohttpTransport() as its_transport:
        yield AltanPay(
            account,
            transport=its_transport,
            version="1.2.3",
            allowed_hosts=frozenset({"checkout.stripe.com", "localhost:8001"}),
            extra=extra,
        )


async def create(url: str) -> PaymentPage:
    async with altan_pay(url) as pages, asyncio.timeout(PATIENCE_S):
        return await pages.create(ORDER)


async def failure(url: str) -> CheckoutError:
    """Return the error of one call; check that it contains nothing that only operators may see."""
    with pytest.raises(CheckoutError) as caught:
        await create(url)
    error = caught.value
    assert_publishable(error)
    return error


async def failure_after(*scripts: Script | bytes) -> CheckoutError:
    async with upstream(*scripts) as server:
        return await failure(server.url)


async def failures_after(*answers: bytes) -> list[type[CheckoutError]]:
    """Return the classes of the errors for these answers; check that each is publishable."""
    kinds = []
    async with upstream(*answers) as server, altan_pay(server.url) as pages:
        for _ in answers:
            with pytest.raises(CheckoutError) as caught:
                await pages.create(ORDER)
            assert_publishable(caught.value)
            kinds.append(type(caught.value))
    assert len(server.requests) == len(answers)
    return kinds


def assert_publishable(error: CheckoutError) -> None:
    words = f"{error} {error.detail} {getattr(error, 'reason', '')} {error.args}"
    for secret in (ACCOUNT_ID, CONNECT_ID, PRIVATE_WORD, "127.0.0.1", "://", "cs_test", "/v2/"):
        assert secret not in words


async def always_wanted() -> bool:
    """Return that the client is still connected."""
    return True
