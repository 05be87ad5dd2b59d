"""The call to Altan Pay, byte for byte."""

import asyncio
from pathlib import Path

import orjson
import pytest

from app.domain.checkout.cart import Cart, LineItem, Mode
from app.domain.errors import (
    CartRefusedError,
)
from app.usecases.records import SessionOrder
from tests.support.altan_pay_calls import (
    ACCOUNT_ID,
    CONNECT_ID,
    GOOD,
    ORDER,
    PAGE,
    altan_pay,
    create,
)
from tests.support.wire import (
    answer,
    hangs,
    upstream,
)

HEADERS_ALLOWED = {
    "host",
    "content-type",
    "content-length",
    "accept",
    "accept-encoding",
    "connection",
    "user-agent",
}

SHORT_S = 0.25  # for those who must reach it


async def test_the_request_is_the_documented_one_byte_for_byte() -> None:
    async with upstream(GOOD) as server:
        await create(server.url)

    (request,) = server.requests
    assert request.line == (
        f"POST /v2/connect/checkout/{ACCOUNT_ID}/create_checkout_session"
        f"?stripe_connect_id={CONNECT_ID} HTTP/1.1"
    )
    assert request.body == (
        b'{"payload":{'
        b'"success_url":"https://shop.example/?session_id={CHECKOUT_SESSION_ID}&checkout_id=chk_1",'
        b'"cancel_url":"https://shop.example/Cart#x",'
        b'"line_items":[{"price":"price_ABC123","quantity":1},{"price":"price_B","quantity":2}],'
        b'"mode":"payment"}}'
    )


async def test_the_request_has_only_the_headers_that_http_itself_needs() -> None:
    async with upstream(GOOD) as server:
        await create(server.url)

    headers = server.requests[0].headers
    assert set(headers) <= HEADERS_ALLOWED
    assert headers["host"] == f"127.0.0.1:{server.port}"
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == str(len(server.requests[0].body))
    assert headers["user-agent"] == "altan-checkout/1.2.3"
    assert headers["accept-encoding"] == "identity"


async def test_a_subscription_is_asked_for_in_its_own_mode() -> None:
    order = SessionOrder(
        cart=Cart((LineItem("price_M", 1),), Mode.SUBSCRIPTION),
        success_url="https://shop.example/",
        cancel_url="https://shop.example/",
    )

    async with upstream(GOOD) as server, altan_pay(server.url) as pages:
        await pages.create(order)

    payload = orjson.loads(server.requests[0].body)
    assert payload == {
        "payload": {
            "success_url": "https://shop.example/",
            "cancel_url": "https://shop.example/",
            "line_items": [{"price": "price_M", "quantity": 1}],
            "mode": "subscription",
        }
    }


async def test_nothing_that_is_added_takes_the_place_of_a_documented_field() -> None:
    extra = {"mode": "setup", "success_url": "https://evil.example", "submit_type": "donate"}

    async with upstream(GOOD, GOOD) as server:
        await create(server.url)
        async with altan_pay(server.url, extra=extra) as pages:
            await pages.create(ORDER)

    bare, more = (orjson.loads(request.body)["payload"] for request in server.requests)
    assert more == bare | {"submit_type": "donate"}


@pytest.mark.parametrize(
    ("account_id", "encoded"),
    [
        ("a/b", "a%2Fb"),
        ("a?b#c", "a%3Fb%23c"),
        ("a%2Fb", "a%252Fb"),
        ("a&b=c", "a%26b%3Dc"),
        ("a;b,c@d:e", "a%3Bb%2Cc%40d%3Ae"),
        ("a~b-c_d.e", "a~b-c_d.e"),
    ],
)
async def test_ids_are_percent_encoded_and_stay_one_segment_and_one_value(
    account_id: str, encoded: str
) -> None:
    async with (
        upstream(GOOD) as server,
        altan_pay(server.url, account_id=account_id, connect_id=account_id) as pages,
    ):
        await pages.create(ORDER)

    assert server.requests[0].line == (
        f"POST /v2/connect/checkout/{encoded}/create_checkout_session"
        f"?stripe_connect_id={encoded} HTTP/1.1"
    )


@pytest.mark.parametrize(("base", "prefix"), [("", ""), ("/", ""), ("/altan/", "/altan")])
async def test_the_base_address_may_end_in_a_slash_or_have_a_path(base: str, prefix: str) -> None:
    async with upstream(GOOD) as server:
        await create(server.url + base)

    assert server.requests[0].line.startswith(f"POST {prefix}/v2/connect/checkout/")


async def test_a_cookie_that_altan_pay_sets_is_never_sent_back() -> None:
    baked = answer(
        orjson.dumps({"url": PAGE}),
        "Set-Cookie: session=1; Path=/",
        "Set-Cookie: tracking=2; Max-Age=9999; Path=/",
    )

    async with upstream(baked) as server, altan_pay(server.url) as pages:
        await pages.create(ORDER)
        await pages.create(ORDER)

    assert [set(request.headers) - HEADERS_ALLOWED for request in server.requests] == [set()] * 2


async def test_no_credentials_and_no_proxy_are_taken_from_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\ndefault login a password b")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    async with upstream(GOOD) as proxy, upstream(GOOD) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv(name.lower(), proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        await create(server.url)

    assert proxy.connections == []
    assert set(server.requests[0].headers) <= HEADERS_ALLOWED


async def test_calls_share_one_connection() -> None:
    async with upstream(GOOD) as server, altan_pay(server.url) as pages:
        for _ in range(3):
            await pages.create(ORDER)

        assert len(server.requests) == 3
        assert len(server.connections) == 1


async def test_a_refusal_with_a_short_body_does_not_cost_the_connection_a_stuck_one_does() -> None:
    refused = answer(b"{}", status="400 Bad Request")

    async with upstream(refused, hangs, GOOD) as server:
        async with altan_pay(server.url) as pages:
            with pytest.raises(CartRefusedError):
                await pages.create(ORDER)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(SHORT_S):
                    await pages.create(ORDER)
            page = await pages.create(ORDER)

        assert page.url == PAGE
        assert len(server.requests) == 3
