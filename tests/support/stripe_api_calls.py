"""Calls Stripe's API at a server whose answers a test chooses."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx
import orjson
import pytest

from app.adapters.http_transport import AiohttpTransport
from app.adapters.stripe_api.client import CALL_TIMEOUT_S, StripeAccess, StripeClient
from app.adapters.stripe_api.pace import Pace
from app.adapters.stripe_api.reads import StripeApi
from app.usecases.stripe_reads import StripeReadError
from tests.support.wire import Script, answer, upstream

KEY = "rk_test_private_1"
ACCOUNT = "acct_private1"
PRIVATE_WORD = "stripe-said-this"
FAST = 100_000.0  # calls a second


@asynccontextmanager
async def stripe_api(
    url: str,
    *,
    account: str | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    call_timeout_s: float = CALL_TIMEOUT_S,
) -> AsyncIterator[StripeApi]:
    async with transport or AiohttpTransport() as its_transport:
        client = StripeClient(
            StripeAccess(url=url, key=KEY, account=account),
            transport=its_transport,
            version="1.2.3",
            pace=Pace(FAST),
            call_timeout_s=call_timeout_s,
        )
        yield StripeApi(client)


def says_json(document: object, *headers: str, status: str = "200 OK") -> bytes:
    return answer(orjson.dumps(document), *headers, status=status)


def page(*ids: str, has_more: bool = False) -> bytes:
    data = [{"id": each} for each in ids]
    return says_json({"object": "list", "data": data, "has_more": has_more})


async def listed(*scripts: Script | bytes) -> tuple[list[str], list[str]]:
    """The ids of all events, in the order in which they come; and the addresses asked for."""
    async with upstream(*scripts) as server, stripe_api(server.url) as api, asyncio.timeout(60):
        pages = api.events(["invoice.paid"], since_s=7, only_undelivered=True)
        ids = [str(item["id"]) async for each in pages for item in each]
    return ids, [request.line.split(" ")[1] for request in server.requests]


async def failure_after(
    *scripts: Script | bytes, call_timeout_s: float = CALL_TIMEOUT_S
) -> StripeReadError:
    """Return the error of one read; check that it contains no secret or body."""
    async with upstream(*scripts) as server:
        return await failure(server.url, call_timeout_s=call_timeout_s)


async def failure(url: str, *, call_timeout_s: float = CALL_TIMEOUT_S) -> StripeReadError:
    async with stripe_api(url, account=ACCOUNT, call_timeout_s=call_timeout_s) as api:
        with pytest.raises(StripeReadError) as caught:
            async with asyncio.timeout(60):
                await api.read("charge", "ch_1")
    assert_safe(caught.value)
    return caught.value


def assert_safe(error: StripeReadError) -> None:
    for secret in (KEY, ACCOUNT, PRIVATE_WORD, "127.0.0.1"):
        assert secret not in f"{error!r} {error}"


def parameters(url: str) -> Sequence[tuple[str, str]]:
    return httpx.URL(url).params.multi_items()
