"""Raw bytes over a socket: what a client may send before any code of ours runs."""

import asyncio
import contextlib
from typing import ClassVar

import pytest

from app.web.http.connections import Connections, Outcome
from app.web.http.guarded_http import HEAD_BYTES_MAX, HEADERS_MAX, URL_BYTES_MAX, GuardedHttp
from tests.support.builders import until
from tests.support.guarded import CHUNKED, HEAD, PATIENCE_S, Application, guarded

FLOOD_KEPT_MAX = 12 * 1024 * 1024  # two socket buffers and more


class Impatient(GuardedHttp):
    """Gives up early on all connections that a test makes before it asks whether it `serves`."""

    head_timeout_s: ClassVar = 0.2


async def test_a_head_that_does_not_end_in_time_ends_the_connection() -> None:
    begun = [b"", b"G", b"GET / HTT", HEAD, HEAD + b"X: a", HEAD + b"X: a\r\n\r"]

    async with guarded(Impatient) as server:
        answers = await asyncio.gather(*(server.answer_to(data) for data in begun))

        assert answers == [b""] * len(begun)
        assert server.application.paths == []
        assert await server.serves()


async def test_a_head_that_trickles_is_cut_although_something_always_comes() -> None:
    async with guarded(Impatient) as server:
        async with (
            server.connect(HEAD + b"X: ") as (reader, writer),
            asyncio.timeout(PATIENCE_S),
        ):
            hung_up = asyncio.create_task(reader.read())
            while not hung_up.done():
                writer.write(b"a")
                await asyncio.wait([hung_up], timeout=0.02)
            with contextlib.suppress(ConnectionError):  # our last byte came after the end
                assert await hung_up == b""

        assert server.application.paths == []
        assert await server.serves()


async def test_the_second_head_on_a_connection_has_to_end_in_time_too() -> None:
    async with guarded(Impatient) as server:
        answer = await server.answer_to(HEAD + b"\r\n" + b"GET /second HTTP/1.1\r\nHost: x\r\n")

    assert answer.count(b"HTTP/1.1 200 OK") == 1
    assert server.application.paths == ["/"]


async def test_an_answer_may_take_longer_than_a_head() -> None:
    application = Application(pace_s=2 * Impatient.head_timeout_s)

    async with guarded(Impatient, application) as server:
        answer = await server.answer_to(HEAD + b"Connection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"ok")


async def test_a_body_that_still_trickles_after_its_answer_is_not_waited_for() -> None:
    application = Application(reads_body=False)

    async with guarded(Impatient, application) as server:
        answer = await server.answer_to(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nbegun"
        )

        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert await server.serves()


async def test_requests_on_one_connection_are_counted_separately() -> None:
    request = HEAD + b"X: " + b"a" * 20_000 + b"\r\n\r\n"
    last = HEAD + b"Connection: close\r\n\r\n"

    async with guarded() as server:
        answer = await server.answer_to(request * 5 + last)

    assert answer.count(b"HTTP/1.1 200 OK") == 6


async def test_headers_up_to_the_limits_pass() -> None:
    many = b"".join(b"X-%d: a\r\n" % number for number in range(HEADERS_MAX - 2))
    long = b"X: " + b"a" * (HEAD_BYTES_MAX - 200) + b"\r\n"

    async with guarded() as server:
        for headers in (many, long):
            answer = await server.answer_to(HEAD + headers + b"Connection: close\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200 OK")


async def test_a_query_may_make_the_url_8000_bytes_long_and_no_longer() -> None:
    longest, longer = (
        b"GET /"
        + b"?a&".ljust(length - 1, b"&")
        + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        for length in (URL_BYTES_MAX, URL_BYTES_MAX + 1)
    )

    async with guarded() as server:
        answers = [await server.answer_to(request) for request in (longest, longer)]

        assert answers[0].startswith(b"HTTP/1.1 200 OK")
        assert answers[1].startswith(b"HTTP/1.1 400 ")
        assert server.application.paths == ["/"]


async def test_a_head_over_the_limits_is_refused() -> None:
    heads = {
        "many headers": HEAD + b"X: a\r\n" * HEADERS_MAX,
        "long value": HEAD + b"X: " + b"a" * HEAD_BYTES_MAX + b"\r\n",
        "long name": HEAD + b"a" * HEAD_BYTES_MAX + b": x\r\n",
        "long in sum": HEAD + (b"X: " + b"a" * 1000 + b"\r\n") * 40,
        "long path": b"GET /" + b"a" * HEAD_BYTES_MAX + b" HTTP/1.1\r\nHost: x\r\n",
    }

    async with guarded() as server:
        for name, head in heads.items():
            answer = await server.answer_to(head + b"\r\n")

            assert answer.startswith(b"HTTP/1.1 400 "), name
        assert server.application.paths == []
        assert await server.serves()


@pytest.mark.parametrize(
    ("start", "again"),
    [
        (HEAD, b"X: a\r\n" * 10_000),
        (HEAD + b"X: ", b"a" * 65_536),
        (HEAD, b"a" * 65_536),
        (b"GET /", b"a" * 65_536),
        (b"", b"G" * 65_536),
        (CHUNKED + b"0\r\n", b"X: a\r\n" * 10_000),
        (CHUNKED + b"0\r\nX: ", b"a" * 65_536),
    ],
    ids=[
        "headers",
        "one header's value",
        "one header's name",
        "path",
        "method",
        "trailers",
        "one trailer's value",
    ],
)
async def test_what_has_no_end_is_cut_off_long_before_memory_is(start: bytes, again: bytes) -> None:
    async with guarded() as server:
        taken = await server.bytes_taken(start, again)

        assert taken < FLOOD_KEPT_MAX
        assert await server.serves()


async def test_chunks_that_are_nearly_nothing_but_extensions_are_cut_off() -> None:
    chunk = b"1;" + b"x" * 30_000 + b"\r\n \r\n"

    async with guarded() as server:
        taken = await server.bytes_taken(CHUNKED, chunk)

        assert taken < FLOOD_KEPT_MAX
        assert await server.serves()


async def test_a_cart_in_chunks_of_one_byte_and_a_large_body_in_ordinary_ones_pass() -> None:
    bytewise = b"1\r\n \r\n" * 64 * 1024
    ordinary = (b"400;a=b\r\n" + b" " * 1024 + b"\r\n") * 4096
    end = b"0\r\n\r\n"

    async with guarded() as server:
        answer = await server.answer_to(
            (CHUNKED + bytewise + end) * 2
            + CHUNKED
            + ordinary
            + end
            + HEAD
            + b"Connection: close\r\n\r\n"
        )

    assert answer.count(b"HTTP/1.1 200 OK") == 4


GARBAGE = [
    b"\x00\x01\x02\x03\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 300,
    b"SSH-2.0-OpenSSH_9.9\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"FETCH / HTTP/1.1\r\nHost: x\r\n\r\n",
    HEAD + b"no colon\r\n\r\n",
    HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
    HEAD + b"Content-Length: -1\r\n\r\n",
    HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n",
    HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    HEAD + b"X: a\x00b\r\n\r\n",
]


async def test_what_is_not_http_is_refused_and_the_next_client_is_served() -> None:
    async with guarded(Impatient) as server:
        for garbage in GARBAGE:
            answer = await server.answer_to(garbage)

            assert answer == b"" or answer.startswith(b"HTTP/1.1 400 "), garbage
            assert b"Traceback" not in answer
        assert server.application.paths == []
        assert await server.serves()


async def test_a_hundred_who_only_connect_do_not_keep_the_next_one_out() -> None:
    admitted: list[Outcome] = []
    connections = Connections()
    connections.report_outcomes_to(admitted.append)
    async with guarded(Impatient.with_limits(connections)) as server:
        silent = [asyncio.create_task(server.answer_to(b"")) for _ in range(100)]
        await until(lambda: len(admitted) == 100)

        assert await server.serves()
        assert await asyncio.gather(*silent) == [b""] * 100
