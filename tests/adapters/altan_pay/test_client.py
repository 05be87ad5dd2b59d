import asyncio
import gzip
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import orjson
import pytest
import trustme

from app.adapters.altan_pay.client import (
    ANSWER_BYTES_MAX,
    AltanPay,
    AltanPayAccount,
    failure_of,
    refusal_of,
)
from app.adapters.altan_pay.failures import UnreachableError
from app.adapters.altan_pay.transport import AiohttpTransport
from app.domain.checkout.cart import Cart, LineItem, Mode
from app.domain.checkout.redirects import PaymentPage
from app.domain.errors import (
    AltanPayMalformedError,
    AltanPayMisconfiguredError,
    AltanPayTimeoutError,
    AltanPayUnavailableError,
    CartRefusedError,
    CheckoutError,
    ServiceFailedError,
)
from app.usecases.records import SessionOrder
from tests.support.builders import always_wanted
from tests.support.wire import (
    CHUNK,
    Connection,
    Script,
    answer,
    closed_port,
    hangs,
    resets,
    says_and_closes,
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
PATIENCE_S = 60.0  # a call that has not ended by then does not keep its deadline


@asynccontextmanager
async def altan_pay(
    url: str,
    *,
    account_id: str = ACCOUNT_ID,
    connect_id: str = CONNECT_ID,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[AltanPay]:
    account = AltanPayAccount(url=url, account_id=account_id, stripe_connect_id=connect_id)
    async with transport or AiohttpTransport() as its_transport:
        yield AltanPay(
            account,
            transport=its_transport,
            version="1.2.3",
            allowed_hosts=frozenset({"checkout.stripe.com", "localhost:8001"}),
        )


async def create(url: str) -> PaymentPage:
    async with altan_pay(url) as pages, asyncio.timeout(PATIENCE_S):
        return await pages.create(ORDER, always_wanted)


async def failure(url: str) -> CheckoutError:
    """The error of one call, which must not give away what only the operator may know."""
    with pytest.raises(CheckoutError) as caught:
        await create(url)
    error = caught.value
    assert_publishable(error)
    return error


async def failure_after(*scripts: Script | bytes) -> CheckoutError:
    async with upstream(*scripts) as server:
        return await failure(server.url)


async def failures_after(*answers: bytes) -> list[type[CheckoutError]]:
    """The kinds of error that these answers are, over one client; each must be publishable."""
    kinds = []
    async with upstream(*answers) as server, altan_pay(server.url) as pages:
        for _ in answers:
            with pytest.raises(CheckoutError) as caught:
                await pages.create(ORDER, always_wanted)
            assert_publishable(caught.value)
            kinds.append(type(caught.value))
    assert len(server.requests) == len(answers)
    return kinds


def assert_publishable(error: CheckoutError) -> None:
    words = f"{error} {error.detail} {getattr(error, 'reason', '')} {error.args}"
    for secret in (ACCOUNT_ID, CONNECT_ID, PRIVATE_WORD, "127.0.0.1", "://", "cs_test", "/v2/"):
        assert secret not in words


# The call, byte for byte


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
        await pages.create(order, always_wanted)

    payload = orjson.loads(server.requests[0].body)
    assert payload == {
        "payload": {
            "success_url": "https://shop.example/",
            "cancel_url": "https://shop.example/",
            "line_items": [{"price": "price_M", "quantity": 1}],
            "mode": "subscription",
        }
    }


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
        await pages.create(ORDER, always_wanted)

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
        await pages.create(ORDER, always_wanted)
        await pages.create(ORDER, always_wanted)

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
            await pages.create(ORDER, always_wanted)

        assert len(server.requests) == 3
        assert len(server.connections) == 1


async def test_a_refusal_with_a_short_body_does_not_cost_the_connection_a_stuck_one_does() -> None:
    refused = answer(b"{}", status="400 Bad Request")

    async with upstream(refused, hangs, GOOD) as server:
        async with altan_pay(server.url) as pages:
            with pytest.raises(CartRefusedError):
                await pages.create(ORDER, always_wanted)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(SHORT_S):
                    await pages.create(ORDER, always_wanted)
            page = await pages.create(ORDER, always_wanted)

        assert page.url == PAGE
        assert len(server.requests) == 3


# What a good answer looks like


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


# The error table


@pytest.mark.parametrize(
    ("statuses", "kind"),
    [
        ((400, 402, 409, 422), CartRefusedError),
        ((401, 403, 404, 405), AltanPayMisconfiguredError),
        ((406, 410, 418, 451, 499), AltanPayMisconfiguredError),
        ((300, 304), AltanPayMisconfiguredError),
        ((408, 425, 429, 500, 501, 502, 503, 504, 520, 599), AltanPayUnavailableError),
        ((202, 203, 204, 206, 299), AltanPayMalformedError),
    ],
)
async def test_every_status_has_its_error(
    statuses: tuple[int, ...], kind: type[CheckoutError]
) -> None:
    answers = [
        answer(
            b"" if status in {204, 304} else orjson.dumps({"url": PAGE, "word": PRIVATE_WORD}),
            "Retry-After: 9",
            status=f"{status} Said",
        )
        for status in statuses
    ]

    kinds = await failures_after(*answers)

    assert dict(zip(statuses, kinds, strict=True)) == dict.fromkeys(statuses, kind)


async def test_every_number_that_may_stand_for_a_status_is_some_error() -> None:
    errors = {status: refusal_of(status) for status in range(1000) if status not in {200, 201}}

    assert all(isinstance(e, CartRefusedError | ServiceFailedError) for e in errors.values())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async with upstream(GOOD) as elsewhere:
        data = answer(b"", f"Location: {elsewhere.url}/", status=f"{status} Elsewhere")

        error = await failure_after(data)

        assert type(error) is AltanPayMisconfiguredError
        assert elsewhere.connections == []


async def test_the_body_of_a_refusal_is_not_waited_for() -> None:
    async def refuses_at_length(connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 422 No\r\nContent-Length: 999999999\r\n\r\n")
        await connection.reader.read()

    error = await failure_after(refuses_at_length)

    assert type(error) is CartRefusedError


async def test_a_refused_connection_is_unavailability() -> None:
    error = await failure(f"http://127.0.0.1:{closed_port()}")

    assert type(error) is UnreachableError


async def test_a_name_that_nobody_knows_is_unavailability() -> None:
    error = await failure("https://altan-pay.invalid")

    assert type(error) is UnreachableError


@pytest.mark.parametrize(
    "script",
    [
        resets,
        says_and_closes(b""),
        says_and_closes(b"HTTP/1.1 200 OK\r\nContent-Le"),
        says_and_closes(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + GOOD[-40:]),
        says_and_closes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"),
    ],
    ids=["reset", "closed", "cut in the head", "cut in the body", "cut in a chunk"],
)
async def test_an_answer_cut_short_is_unavailability(script: Script) -> None:
    error = await failure_after(script)

    assert type(error) is AltanPayUnavailableError


async def test_a_reset_in_the_middle_of_the_body_is_unavailability() -> None:
    async def begins_and_resets(connection: Connection) -> None:
        await connection.send(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"url":')
        connection.reset()

    error = await failure_after(begins_and_resets)

    assert type(error) is AltanPayUnavailableError


async def test_a_reset_before_the_request_is_unavailability() -> None:
    async with upstream(GOOD, on_connect=resets) as server:
        error = await failure(server.url)

        assert type(error) is AltanPayUnavailableError
        assert server.requests == []


@pytest.mark.parametrize(
    "data",
    [
        b"220 mail.example ESMTP ready\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"\x00\x01\x02\xff\xfe\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/9.9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 50_000 + b"\r\n",
    ],
    ids=lambda data: ascii(data[:40]),
)
async def test_what_is_not_http_is_no_success_and_no_defect_of_ours(data: bytes) -> None:
    error = await failure_after(says_and_closes(data))

    assert type(error) in {AltanPayMalformedError, AltanPayUnavailableError}


async def test_garbage_instead_of_http_is_a_malformed_answer() -> None:
    error = await failure_after(says_and_closes(b"220 mail.example ESMTP ready\r\n\r\n"))

    assert type(error) is AltanPayMalformedError


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


async def test_a_huge_answer_is_cut_off_long_before_its_end() -> None:
    async def floods(connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n")
        await connection.send_without_end(CHUNK)

    async with upstream(floods) as server:
        error = await failure(server.url)
        await server.wait_for_finished(1)

    assert type(error) is AltanPayMalformedError
    sent = server.connections[0].bytes_sent
    assert ANSWER_BYTES_MAX < sent < 16 * 1024 * 1024  # what fits into two socket buffers


async def test_a_huge_answer_in_chunks_is_cut_off_too() -> None:
    async def floods(connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await connection.send_without_end(b"10000\r\n" + CHUNK + b"\r\n")

    error = await failure_after(floods)

    assert type(error) is AltanPayMalformedError


async def test_an_answer_of_the_very_limit_is_still_read() -> None:
    body = orjson.dumps({"url": PAGE}).ljust(ANSWER_BYTES_MAX)

    async with upstream(answer(body)) as server:
        page = await create(server.url)
    error = await failure_after(answer(body + b" "))

    assert page.url == PAGE
    assert type(error) is AltanPayMalformedError


# Giving up


async def gives_hints_for_ever(connection: Connection) -> None:
    while True:
        await connection.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10)
        await asyncio.sleep(0)


async def test_hints_without_end_are_a_malformed_answer_and_not_heard_out() -> None:
    error = await failure_after(gives_hints_for_ever)

    assert type(error) is AltanPayMalformedError


async def test_cancelling_a_call_stays_a_cancellation() -> None:
    async with upstream(hangs) as server, altan_pay(server.url) as pages:
        call = asyncio.create_task(pages.create(ORDER, always_wanted))
        await server.wait_for_requests(1)
        call.cancel()

        with pytest.raises(asyncio.CancelledError):
            await call


# TLS


def transport_that_trusts(authority: trustme.CA) -> AiohttpTransport:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return AiohttpTransport(context)


def server_tls(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # asyncio's, for a handshake that failed
async def test_a_certificate_from_nobody_we_trust_ends_the_call(authority: trustme.CA) -> None:
    async with upstream(GOOD, tls=server_tls(authority, "127.0.0.1")) as server:
        error = await failure(server.url)

    assert type(error) is UnreachableError
    assert server.requests == []


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_a_certificate_for_another_host_ends_the_call(authority: trustme.CA) -> None:
    async with (
        upstream(GOOD, tls=server_tls(authority, "pay.altan.example")) as server,
        altan_pay(server.url, transport=transport_that_trusts(authority)) as pages,
    ):
        with pytest.raises(AltanPayUnavailableError) as caught:
            await pages.create(ORDER, always_wanted)

    assert_publishable(caught.value)
    assert server.requests == []


async def test_a_trusted_certificate_lets_the_cart_pass(authority: trustme.CA) -> None:
    async with (
        upstream(GOOD, tls=server_tls(authority, "127.0.0.1")) as server,
        altan_pay(server.url, transport=transport_that_trusts(authority)) as pages,
    ):
        page = await pages.create(ORDER, always_wanted)

    assert page.url == PAGE


# Whatever httpx can raise

UNAVAILABLE, MALFORMED = AltanPayUnavailableError, AltanPayMalformedError
MISCONFIGURED, TIMEOUT = AltanPayMisconfiguredError, AltanPayTimeoutError
BY_HTTPX_ERROR: Mapping[str, type[ServiceFailedError]] = {
    "HTTPError": UNAVAILABLE,
    "HTTPStatusError": UNAVAILABLE,
    "RequestError": UNAVAILABLE,
    "TransportError": UNAVAILABLE,
    "NetworkError": UNAVAILABLE,
    "ConnectError": UnreachableError,
    "ReadError": UNAVAILABLE,
    "WriteError": UNAVAILABLE,
    "CloseError": UNAVAILABLE,
    "ProxyError": UNAVAILABLE,
    "PoolTimeout": UNAVAILABLE,
    "TimeoutException": TIMEOUT,
    "ConnectTimeout": TIMEOUT,
    "ReadTimeout": TIMEOUT,
    "WriteTimeout": TIMEOUT,
    "UnsupportedProtocol": MISCONFIGURED,
    "ProtocolError": UNAVAILABLE,
    "LocalProtocolError": MISCONFIGURED,
    "TooManyRedirects": MISCONFIGURED,
    "InvalidURL": MISCONFIGURED,
    "RemoteProtocolError": MALFORMED,
    "DecodingError": MALFORMED,
    "CookieConflict": MALFORMED,
    "StreamError": MALFORMED,
    "StreamClosed": MALFORMED,
    "StreamConsumed": MALFORMED,
    "ResponseNotRead": MALFORMED,
    "RequestNotRead": MALFORMED,
}


def httpx_errors() -> list[type[Exception]]:
    public = (getattr(httpx, name) for name in httpx.__all__)
    return [value for value in public if isinstance(value, type) and issubclass(value, Exception)]


def test_the_table_above_names_every_error_that_httpx_has() -> None:
    assert {kind.__name__ for kind in httpx_errors()} == set(BY_HTTPX_ERROR)


@pytest.mark.parametrize("kind", httpx_errors(), ids=lambda kind: kind.__name__)
async def test_every_error_that_httpx_has_becomes_one_of_ours(kind: type[Exception]) -> None:
    def raise_it(_: httpx.Request) -> httpx.Response:
        error = kind.__new__(kind)
        Exception.__init__(error, PRIVATE_WORD)
        raise error

    raising = httpx.MockTransport(raise_it)
    async with altan_pay("https://pay.altan.example", transport=raising) as pages:
        with pytest.raises(ServiceFailedError) as caught:
            await pages.create(ORDER, always_wanted)

    assert type(caught.value) is BY_HTTPX_ERROR[kind.__name__] is failure_of(kind)
    assert_publishable(caught.value)


async def test_the_reason_is_told_to_the_operator_in_plain_words() -> None:
    reasons = [
        getattr(await failure_after(answer(b"", status="503 No")), "reason", ""),
        getattr(await failure_after(answer(b"{}")), "reason", ""),
    ]

    assert reasons == [
        "Altan Pay answered 503",
        "the answer has no url",
    ]


def test_the_address_is_made_of_the_base_and_both_ids() -> None:
    account = AltanPayAccount(
        url="https://pay.altan.ai", account_id="a b", stripe_connect_id="acct_1&x=y"
    )

    url = account.checkout_session_url()

    assert re.fullmatch(r"[!-~]+", url)
    assert url == (
        "https://pay.altan.ai/v2/connect/checkout/a%20b/create_checkout_session"
        "?stripe_connect_id=acct_1%26x%3Dy"
    )
