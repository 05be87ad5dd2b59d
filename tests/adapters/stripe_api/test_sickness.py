"""Every failure of Stripe's API becomes the right error, without secrets."""

import httpx
import pytest

from app.adapters.http_transport import AiohttpTransport
from app.adapters.stripe_api.client import ANSWER_BYTES_MAX
from app.usecases.stripe_reads import (
    StripeKeyRefusedError,
    StripeMalformedError,
    StripeObjectMissingError,
    StripeRateLimitedError,
    StripeReadError,
    StripeUnavailableError,
)
from tests.adapters.altan_pay.test_httpx_errors import httpx_errors
from tests.support.stripe_api_calls import (
    PRIVATE_WORD,
    assert_safe,
    failure,
    failure_after,
    page,
    says_json,
    stripe_api,
)
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


def error_body(message: str) -> dict[str, object]:
    return {"error": {"type": "invalid_request_error", "message": f"{message} {PRIVATE_WORD}"}}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, StripeMalformedError),
        (401, StripeKeyRefusedError),
        (402, StripeMalformedError),
        (403, StripeKeyRefusedError),
        (404, StripeObjectMissingError),
        (409, StripeUnavailableError),
        (429, StripeRateLimitedError),
        (500, StripeUnavailableError),
        (502, StripeUnavailableError),
        (503, StripeUnavailableError),
        (301, StripeMalformedError),
        (204, StripeMalformedError),
    ],
)
async def test_every_status_has_its_error(status: int, kind: type[StripeReadError]) -> None:
    body = b"" if status == 204 else b'{"error": {"message": "%s"}}' % PRIVATE_WORD.encode()

    error = await failure_after(answer(body, status=f"{status} Said"))

    assert type(error) is kind


async def test_a_key_without_a_right_is_told_which() -> None:
    message = (
        "The provided key 'rk_test_***' does not have the required permissions for this endpoint. "
        "Having the 'rak_charge_read' permission would allow this request to continue."
    )

    error = await failure_after(says_json(error_body(message), status="403 Forbidden"))

    assert str(error) == "the key lacks the permission rak_charge_read"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"error": 1}', b'{"error": {"message": 7}}', b'{"error": {}}']
)
async def test_a_refusal_that_names_no_right_names_the_address(body: bytes) -> None:
    error = await failure_after(answer(body, status="403 Forbidden"))

    assert type(error) is StripeKeyRefusedError
    assert str(error) == "the key may not read /v1/charges/ch_1"


@pytest.mark.parametrize(
    ("header", "wait_s"), [("7", 7), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None)]
)
@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_how_long_to_wait_is_passed_on(status: str, header: str, wait_s: int | None) -> None:
    error = await failure_after(answer(b"", f"Retry-After: {header}", status=status))

    assert error.retry_after_s == wait_s


async def test_a_refused_connection_is_unavailability() -> None:
    error = await failure(f"http://127.0.0.1:{closed_port()}")

    assert type(error) is StripeUnavailableError


async def drips(connection: Connection) -> None:
    await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
    await connection.reader.read()


@pytest.mark.parametrize("script", [hangs, drips])
async def test_one_deadline_covers_the_whole_call(script: Script) -> None:
    error = await failure_after(script, call_timeout_s=0.05)

    assert type(error) is StripeUnavailableError
    assert str(error) == "Stripe did not answer in time"


@pytest.mark.parametrize(
    "script",
    [
        resets,
        says_and_closes(b""),
        says_and_closes(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"),
    ],
    ids=["reset", "closed", "cut in the body"],
)
async def test_half_an_answer_is_unavailability(script: Script) -> None:
    error = await failure_after(script)

    assert type(error) is StripeUnavailableError


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b"{" * 5_000, b'{"a": NaN}'])
async def test_what_is_no_json_object_is_malformed(body: bytes) -> None:
    error = await failure_after(answer(body))

    assert type(error) is StripeMalformedError


async def test_a_compressed_answer_is_malformed() -> None:
    error = await failure_after(answer(b"x", "Content-Encoding: gzip"))

    assert type(error) is StripeMalformedError


async def test_a_body_without_end_is_not_read_to_its_end() -> None:
    async def floods(connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        await connection.send_without_end(CHUNK)

    async with upstream(floods) as server:
        error = await failure(server.url)

        assert type(error) is StripeMalformedError
        assert server.connections[0].bytes_sent < 2 * ANSWER_BYTES_MAX


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": {}, "has_more": False},
        {"data": [], "has_more": 0},
        {"data": [1], "has_more": False},
        {"data": [{"id": 7}], "has_more": False},
    ],
)
async def test_what_is_no_list_is_malformed(body: object) -> None:
    async with upstream(says_json(body)) as server, stripe_api(server.url) as api:
        with pytest.raises(StripeMalformedError) as caught:
            await api.line_items("cs_test_1")

    assert_safe(caught.value)


async def test_a_list_that_fails_midway_keeps_what_came_before() -> None:
    scripts = page("evt_2", has_more=True), page("evt_1"), answer(b"", status="500 No")

    async with upstream(*scripts) as server, stripe_api(server.url) as api:
        pages = aiter(api.events([], since_s=0, only_undelivered=True))

        assert await anext(pages) == [{"id": "evt_1"}]
        with pytest.raises(StripeUnavailableError):
            await anext(pages)


async def test_after_a_failure_the_next_call_works() -> None:
    async with (
        upstream(answer(b"", status="500 No"), says_json({"id": "ch_1"})) as server,
        AiohttpTransport() as transport,
        stripe_api(server.url, transport=transport) as api,
    ):
        with pytest.raises(StripeUnavailableError):
            await api.read("charge", "ch_1")

        assert await api.read("charge", "ch_1") == {"id": "ch_1"}


@pytest.mark.parametrize("kind", httpx_errors(), ids=lambda kind: kind.__name__)
async def test_every_error_that_httpx_has_becomes_one_of_ours(kind: type[Exception]) -> None:
    def raise_it(_: httpx.Request) -> httpx.Response:
        error = kind.__new__(kind)
        Exception.__init__(error, PRIVATE_WORD)
        raise error

    raising = httpx.MockTransport(raise_it)
    async with stripe_api("https://stripe.example", transport=raising) as api:
        with pytest.raises(StripeReadError) as caught:
            await api.read("charge", "ch_1")

    assert_safe(caught.value)
