"""One attempt to post, to receivers that misbehave in every way."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import trustme
from aiohttp.abc import AbstractResolver, ResolveResult

from app.adapters.http_transport import AiohttpTransport
from app.adapters.posts import ANSWER_BYTES_MAX, CheckedResolver, Posts
from app.domain.notifications.tries import Answer
from tests.support.builders import NOW_S, FixedClock
from tests.support.wire import (
    CHUNK,
    Connection,
    answer,
    closed_port,
    hangs,
    resets,
    says_and_closes,
    upstream,
)

TAKEN = Answer(status=200)
FORBIDDEN = Answer(
    status=None, problem="has a link-local or metadata address, to which nothing is sent"
)
SHORT_S = 0.3


@dataclass(frozen=True, slots=True)
class Names(AbstractResolver):
    """Knows one name's addresses."""

    addresses: list[str]

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self.addresses
        ]

    async def close(self) -> None:
        pass


@asynccontextmanager
async def posts_to(
    url: str, *, deadline_s: float = 30, names: Names | None = None
) -> AsyncIterator[Posts]:
    transport = AiohttpTransport(resolver=CheckedResolver(names))
    try:
        yield Posts(url, transport=transport, clock=FixedClock(), deadline_s=deadline_s)
    finally:
        await transport.aclose()


async def posted(url: str, *, deadline_s: float = 30, names: Names | None = None) -> Answer:
    async with posts_to(url, deadline_s=deadline_s, names=names) as posts:
        return await posts.post({"x-one": "1"}, b"body")


async def test_a_body_is_posted_as_it_is_with_no_header_of_anybody_elses() -> None:
    async with upstream(answer(b"thanks")) as server:
        assert await posted(f"{server.url}/hook?x=%2F") == TAKEN

    (request,) = server.requests
    assert request.line == "POST /hook?x=%2F HTTP/1.1"
    assert request.body == b"body"
    assert set(request.headers) - {"host", "content-length", "accept", "accept-encoding"} == {
        "x-one",
        "content-type",
        "user-agent",
    }


@pytest.mark.parametrize(
    ("status", "code"),
    [("204 No Content", 204), ("410 Gone", 410), ("500 Oh", 500), ("404 Not Found", 404)],
)
async def test_the_status_is_all_that_is_kept(status: str, code: int) -> None:
    async with upstream(answer(b"" if code == 204 else b"words", status=status)) as server:
        assert await posted(server.url) == Answer(status=code)


async def test_a_redirect_is_not_followed() -> None:
    async with upstream(answer(b"")) as other:
        away = answer(b"", f"Location: {other.url}/", status="307 Temporary Redirect")
        async with upstream(away) as server:
            assert await posted(server.url) == Answer(status=307)

    assert other.requests == []


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")

    async with upstream(answer(b"")) as server:
        assert await posted(server.url) == TAKEN


async def test_a_cookie_is_not_kept() -> None:
    async with (
        upstream(answer(b"", "Set-Cookie: a=b")) as server,
        posts_to(server.url) as posts,
    ):
        assert [await posts.post({}, b""), await posts.post({}, b"")] == [TAKEN, TAKEN]

    assert "cookie" not in server.requests[1].headers
    assert len(server.connections) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (datetime.fromtimestamp(NOW_S + 60, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"), 60),
        ("whenever", None),
    ],
)
async def test_the_pause_that_it_asks_for_is_read(header: str, seconds: int | None) -> None:
    busy = answer(b"", f"Retry-After: {header}", status="503 Busy")

    async with upstream(busy) as server:
        assert await posted(server.url) == Answer(status=503, retry_after_s=seconds)


@pytest.mark.parametrize("header", ["120", "Mon, 16 Nov 2020 13:32:02 +99999999999999"])
async def test_what_is_taken_asks_for_no_pause(header: str) -> None:
    taken = answer(b"", f"Retry-After: {header}", status="200 OK")

    async with upstream(taken) as server:
        assert await posted(server.url) == TAKEN


async def test_a_pause_that_nobody_can_read_is_none() -> None:
    busy = answer(b"", "Retry-After: Mon, 16 Nov 2020 13:32:02 +99999999999999", status="503 Busy")

    async with upstream(busy) as server:
        assert await posted(server.url) == Answer(status=503)


async def test_a_receiver_that_hangs_ends_the_try() -> None:
    async with upstream(hangs) as server:
        got = await posted(server.url, deadline_s=SHORT_S)

        await server.wait_for_finished(1)

    assert got == Answer(status=None, problem="did not finish its answer within 0.3 s")


async def test_an_answer_that_drips_ends_the_try() -> None:
    async def drips(connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            await connection.send(b".")
            await asyncio.sleep(0.01)

    async with upstream(drips) as server:
        got = await posted(server.url, deadline_s=SHORT_S)

    assert got.status is None
    assert "0.3 s" in got.message


async def test_of_an_endless_answer_little_is_read_and_its_status_counts() -> None:
    async def floods(connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        await connection.send_without_end(CHUNK)

    async with upstream(floods) as server:
        assert await posted(server.url) == TAKEN
        await server.wait_for_finished(1)

    # What the two sockets hold comes on top of what is read.
    assert server.connections[0].bytes_sent < 100 * ANSWER_BYTES_MAX


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (resets, "closed the connection before the end of its answer"),
        (says_and_closes(b""), "closed the connection before the end of its answer"),
        (
            says_and_closes(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"),
            "closed the connection before the end of its answer",
        ),
        (says_and_closes(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "did not answer in HTTP"),
    ],
)
async def test_an_answer_that_is_none_says_what_happened(script: object, words: str) -> None:
    async with upstream(script) as server:  # type: ignore[arg-type]  # scripts of parametrize
        assert await posted(server.url) == Answer(status=None, problem=words)


async def test_where_nobody_listens_the_connection_is_refused() -> None:
    got = await posted(f"http://127.0.0.1:{closed_port()}")

    assert got == Answer(status=None, problem="refuses connections, or cannot be reached")


async def test_a_name_without_an_address_is_reported() -> None:
    got = await posted("http://no-such-host.invalid/")

    assert got == Answer(status=None, problem="cannot be found: its host name does not resolve")


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # asyncio's, for a handshake that failed
async def test_a_certificate_from_nobody_we_trust_ends_the_try() -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)

    async with upstream(answer(b""), tls=tls) as server:
        got = await posted(server.url)

    assert got == Answer(status=None, problem="has a TLS certificate that is not valid for it")
    assert server.requests == []


async def test_a_server_without_tls_is_reported() -> None:
    async with upstream(says_and_closes(b"HTTP/1.1 400 Bad\r\n\r\n")) as server:
        server.requests.clear()
        got = await posted(f"https://127.0.0.1:{server.port}/", deadline_s=5)

    assert got.status is None


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
    ],
)
async def test_nothing_is_sent_to_a_metadata_service(host: str) -> None:
    assert await posted(f"http://{host}/latest/meta-data") == FORBIDDEN


@pytest.mark.parametrize("host", ["2852039166", "0xa9fea9fe"])
async def test_nor_is_it_under_another_spelling(host: str) -> None:
    with pytest.raises(ValueError, match="no valid IP address"):
        await posted(f"http://{host}/latest/meta-data")


@pytest.mark.parametrize(
    "addresses",
    [["169.254.169.254"], ["127.0.0.1", "169.254.169.254"], ["::ffff:169.254.1.1"], ["fe80::1%lo"]],
)
async def test_nor_to_a_name_that_leads_there(addresses: list[str]) -> None:
    async with upstream(answer(b"")) as server:
        assert await posted(f"http://shop.test:{server.port}/", names=Names(addresses)) == FORBIDDEN

    assert server.connections == []


async def test_a_name_that_leads_elsewhere_is_posted_to() -> None:
    async with (
        upstream(answer(b"")) as server,
        posts_to(f"http://shop.test:{server.port}/", names=Names(["127.0.0.1"])) as posts,
    ):
        assert await posts.post({}, b"") == TAKEN


async def test_a_name_of_this_machine_is_no_trouble() -> None:
    async with upstream(answer(b"")) as server:
        assert await posted(f"http://localhost:{server.port}/") == TAKEN
