"""Every answer that is not a payment page becomes the right error."""

import orjson
import pytest

from app.adapters.altan_pay.client import (
    ANSWER_BYTES_MAX,
    refusal_of,
)
from app.adapters.altan_pay.failures import UnreachableError
from app.domain.errors import (
    AltanPayMalformedError,
    AltanPayMisconfiguredError,
    AltanPayUnavailableError,
    CartRefusedError,
    CheckoutError,
    ServiceFailedError,
)
from tests.support.altan_pay_calls import (
    GOOD,
    PAGE,
    PRIVATE_WORD,
    create,
    failure,
    failure_after,
    failures_after,
)
from tests.support.wire import (
    CHUNK,
    Connection,
    Script,
    answer,
    closed_port,
    resets,
    says_and_closes,
    upstream,
)


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
