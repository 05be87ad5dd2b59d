"""Answers with a payment page, malformed answers, and canceled calls."""

import asyncio
import gzip

import orjson
import pytest

from app.domain.checkout.redirects import PaymentPage
from app.domain.errors import (
    AltanPayMalformedError,
)
from tests.support.altan_pay_calls import (
    GOOD,
    ORDER,
    PAGE,
    altan_pay,
    create,
    failure_after,
    failures_after,
)
from tests.support.wire import (
    Connection,
    answer,
    hangs,
    says_and_closes,
    upstream,
)


@pytest.mark.parametrize("status", ["200 OK", "201 Created"])
async def test_the_pages_address_is_taken_whole_with_its_fragment(status: str) -> None:
    async with upstream(answer(orjson.dumps({"url": PAGE}), status=status)) as server:
        page = await create(server.url)

    assert page == PaymentPage(PAGE, "cs_test_a1YB2")


@pytest.mark.parametrize(
    "data",
    [
        answer(orjson.dumps({"url": PAGE}), "Content-Type: text/html"),
        answer(b"  " + orjson.dumps({"url": PAGE, "id": 7, "more": [None]}) + b"\n"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"".join(b"1\r\n%c\r\n" % byte for byte in orjson.dumps({"url": PAGE}))
        + b"0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + GOOD,
    ],
    ids=["odd content type", "more fields and spaces", "one byte a chunk", "hints before it"],
)
async def test_how_a_good_answer_is_dressed_does_not_matter(data: bytes) -> None:
    async with upstream(data) as server:
        page = await create(server.url)

    assert page.url == PAGE


async def test_an_answer_may_end_with_its_connection() -> None:
    data = b"HTTP/1.1 200 OK\r\n\r\n" + orjson.dumps({"url": PAGE})

    async with upstream(says_and_closes(data)) as server:
        page = await create(server.url)

    assert page.url == PAGE


async def test_a_page_without_a_session_id_in_its_address_is_good() -> None:
    body = orjson.dumps({"url": "https://checkout.stripe.com/pay/abc"})

    async with upstream(answer(body)) as server:
        page = await create(server.url)

    assert page.session_id is None


SHAPES = [
    b"",
    b"   ",
    b"<!doctype html><title>upstream-said-this</title>",
    b'{"url": "https://checkout.stripe.com/',
    b"\xff\xfe{}",
    b'{"url": "https://checkout.stripe.com/\xff"}',
    b'{"url": NaN}',
    b"[" * 5000,
    b'{"url":' * 2000,
    b'"https://checkout.stripe.com/pay/cs_test_1"',
    b"null",
    b"[]",
    b'[{"url": "https://checkout.stripe.com/pay/cs_test_1"}]',
    b"{}",
    b'{"URL": "https://checkout.stripe.com/pay/cs_test_1"}',
    b'{"payload": {"url": "https://checkout.stripe.com/pay/cs_test_1"}}',
    b'{"url": null}',
    b'{"url": 7}',
    b'{"url": true}',
    b'{"url": ["https://checkout.stripe.com/pay/cs_test_1"]}',
    b'{"url": {"href": "https://checkout.stripe.com/pay/cs_test_1"}}',
    b'{"error": "upstream-said-this"}',
    b'{"url": "https://checkout.stripe.com/pay/cs_test_1"} trailing',
]


async def test_an_answer_of_another_shape_is_malformed() -> None:
    kinds = await failures_after(
        *(answer(body, "Content-Type: application/json") for body in SHAPES)
    )

    assert dict(zip(SHAPES, kinds, strict=True)) == dict.fromkeys(SHAPES, AltanPayMalformedError)


ADDRESSES = [
    "",
    "/c/pay/cs_test_1",
    "//checkout.stripe.com/pay/cs_test_1",
    "checkout.stripe.com/pay/cs_test_1",
    "http://checkout.stripe.com/pay/cs_test_1",
    "javascript:alert(1)//checkout.stripe.com/",
    "data:text/html,upstream-said-this",
    "https://evil.example/c/pay/cs_test_1",
    "https://checkout.stripe.com.evil.example/pay/cs_test_1",
    "https://checkout.stripe.com@evil.example/pay/cs_test_1",
    "https://somebody@checkout.stripe.com/pay/cs_test_1",
    "https://checkout.stripe.com:8443/pay/cs_test_1",
    "https://checkout.stripe.com/pay\r\nSet-Cookie: a=b",
    "https://checkout.stripe.com/pay\nx",
    "https://checkout.stripe.com\\@evil.example/",
    " https://checkout.stripe.com/pay/cs_test_1",
    "https://check\N{KELVIN SIGN}out.stripe.com/pay/cs_test_1",
    "https://checkout.\N{LATIN SMALL LETTER LONG S}tripe.com/pay/cs_test_1",
    "https://chec\N{KELVIN SIGN}out.stripe.com/pay/cs_test_1",
    "https://checkout.stripe.com/" + "a" * 5000,
    "http://localhost:8002/pay/cs_test_1",
]


async def test_an_address_that_the_settings_do_not_allow_is_malformed() -> None:
    kinds = await failures_after(*(answer(orjson.dumps({"url": url})) for url in ADDRESSES))

    assert dict(zip(ADDRESSES, kinds, strict=True)) == dict.fromkeys(
        ADDRESSES, AltanPayMalformedError
    )


async def test_a_compressed_answer_is_malformed_for_none_was_asked_for() -> None:
    plain = orjson.dumps({"url": PAGE})

    kinds = await failures_after(
        answer(gzip.compress(plain), "Content-Encoding: gzip"),
        answer(gzip.compress(plain)),
        answer(plain, "Content-Encoding: gzip"),
        answer(plain, "Content-Encoding: br"),
    )

    assert set(kinds) == {AltanPayMalformedError}


async def gives_hints_for_ever(connection: Connection) -> None:
    while True:
        await connection.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10)
        await asyncio.sleep(0)


async def test_hints_without_end_are_a_malformed_answer_and_not_heard_out() -> None:
    error = await failure_after(gives_hints_for_ever)

    assert type(error) is AltanPayMalformedError


async def test_cancelling_a_call_stays_a_cancellation() -> None:
    async with upstream(hangs) as server, altan_pay(server.url) as pages:
        call = asyncio.create_task(pages.create(ORDER))
        await server.wait_for_requests(1)
        call.cancel()

        with pytest.raises(asyncio.CancelledError):
            await call
