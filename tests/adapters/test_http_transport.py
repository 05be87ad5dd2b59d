import asyncio
import random
import ssl
from typing import NoReturn, cast

import aiohttp
import httpx
import pytest

from app.adapters.http_transport import CONNECTIONS_MAX, AiohttpTransport
from tests.support.wire import Connection, answer, hangs, says_and_closes, upstream

GOOD = answer(b"good")


def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=AiohttpTransport(ssl.create_default_context()), trust_env=False
    )


class RaisingTransport(AiohttpTransport):
    """The transport over a session that fails."""

    def __init__(self, error: Exception) -> None:
        super().__init__(ssl.create_default_context())
        self._error = error

    def _session(self) -> aiohttp.ClientSession:
        return cast("aiohttp.ClientSession", _RaisingSession(self._error))


class _RaisingSession:
    def __init__(self, error: Exception) -> None:
        self._error = error

    async def request(self, *_: object, **__: object) -> NoReturn:
        raise self._error


# By the name of what aiohttp raises. What cannot come out of an HTTP call is mapped all the same.
BY_AIOHTTP_ERROR: dict[str, type[httpx.TransportError]] = {
    "ClientError": httpx.NetworkError,
    "ClientConnectionError": httpx.ReadError,
    "ClientConnectionResetError": httpx.ReadError,
    "ClientOSError": httpx.ReadError,
    "ServerConnectionError": httpx.ReadError,
    "ServerDisconnectedError": httpx.ReadError,
    "ClientConnectorError": httpx.ConnectError,
    "ClientConnectorDNSError": httpx.ConnectError,
    "ClientConnectorSSLError": httpx.ConnectError,
    "ClientConnectorCertificateError": httpx.ConnectError,
    "ClientProxyConnectionError": httpx.ConnectError,
    "ClientSSLError": httpx.ConnectError,
    "UnixClientConnectorError": httpx.ConnectError,
    "ServerFingerprintMismatch": httpx.ReadError,
    "ServerTimeoutError": httpx.ReadTimeout,
    "SocketTimeoutError": httpx.ReadTimeout,
    "ConnectionTimeoutError": httpx.ConnectTimeout,
    "ClientPayloadError": httpx.ReadError,
    "ClientResponseError": httpx.RemoteProtocolError,
    "ClientHttpProxyError": httpx.RemoteProtocolError,
    "ContentTypeError": httpx.RemoteProtocolError,
    "TooManyRedirects": httpx.RemoteProtocolError,
    "WSServerHandshakeError": httpx.RemoteProtocolError,
    "InvalidURL": httpx.UnsupportedProtocol,
    "InvalidUrlClientError": httpx.UnsupportedProtocol,
    "InvalidUrlRedirectClientError": httpx.UnsupportedProtocol,
    "NonHttpUrlClientError": httpx.NetworkError,
    "NonHttpUrlRedirectClientError": httpx.NetworkError,
    "RedirectClientError": httpx.NetworkError,
    "UploadAbortedError": httpx.NetworkError,
}


def aiohttp_errors() -> list[type[Exception]]:
    public = (*vars(aiohttp).values(), *vars(aiohttp.client_exceptions).values())
    kinds = {
        value
        for value in public
        if isinstance(value, type) and issubclass(value, aiohttp.ClientError)
    }
    return sorted(kinds, key=lambda kind: kind.__name__)


def made(kind: type[Exception]) -> Exception:
    """One of the kind, whatever its constructor wants."""
    error = kind.__new__(kind)
    Exception.__init__(error)
    return error


def test_the_table_above_names_every_client_error_that_aiohttp_has() -> None:
    assert {kind.__name__ for kind in aiohttp_errors()} == set(BY_AIOHTTP_ERROR)


@pytest.mark.parametrize("kind", aiohttp_errors(), ids=lambda kind: kind.__name__)
async def test_every_error_that_aiohttp_has_becomes_one_of_httpxs(kind: type[Exception]) -> None:
    async with httpx.AsyncClient(transport=RaisingTransport(made(kind))) as http_client:
        with pytest.raises(httpx.TransportError) as caught:
            await http_client.post("http://pay.example/")

    assert type(caught.value) is BY_AIOHTTP_ERROR[kind.__name__]
    assert str(caught.value) == kind.__name__


@pytest.mark.parametrize(
    "error",
    [
        OSError("disk"),
        TimeoutError("connect"),
        ConnectionResetError("peer"),
        ssl.SSLError("tls"),
        ValueError("header"),
        UnicodeError("label too long"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_comes_from_below_aiohttp_is_a_network_error(error: Exception) -> None:
    async with httpx.AsyncClient(transport=RaisingTransport(error)) as http_client:
        with pytest.raises(httpx.NetworkError) as caught:
            await http_client.post("http://pay.example/")

    assert str(caught.value) == type(error).__name__


async def test_a_defect_of_ours_is_not_dressed_up_as_a_network_error() -> None:
    async with httpx.AsyncClient(transport=RaisingTransport(KeyError("defect"))) as http_client:
        with pytest.raises(KeyError):
            await http_client.post("http://pay.example/")


async def test_an_answers_status_headers_and_body_come_through_as_they_are() -> None:
    data = b"HTTP/1.1 418 Teapot\r\nX-One: a\r\nX-One: b\r\nContent-Length: 4\r\n\r\nbody"

    async with upstream(data) as server, client() as http_client:
        response = await http_client.get(server.url)

    assert response.status_code == 418
    assert response.headers.get_list("x-one") == ["a", "b"]
    assert response.content == b"body"


async def test_a_path_is_sent_as_it_is_encoded_already() -> None:
    async with upstream(GOOD) as server, client() as http_client:
        await http_client.get(server.url + "/a%2Fb%252F~;@:?q=%7B%26%7D+x")

    assert server.requests[0].line == "GET /a%2Fb%252F~;@:?q=%7B%26%7D+x HTTP/1.1"


async def test_a_body_read_to_its_end_gives_the_connection_back_an_unread_one_does_not() -> None:
    long = answer(b"x" * 1_000_000)

    async with upstream(GOOD, GOOD, long, GOOD) as server, client() as http_client:
        await http_client.get(server.url)
        await http_client.get(server.url)
        connections_while_read = len(server.connections)
        async with http_client.stream("GET", server.url):
            pass
        await http_client.get(server.url)

        assert connections_while_read == 1
        assert len(server.connections) == 2


async def test_an_answer_that_closes_the_connection_is_no_trouble_for_the_next() -> None:
    closing = says_and_closes(answer(b"bye", "Connection: close"))

    async with upstream(closing, GOOD) as server, client() as http_client:
        first = await http_client.get(server.url)
        second = await http_client.get(server.url)

    assert (first.content, second.content) == (b"bye", b"good")


async def test_a_body_cut_short_is_a_read_error() -> None:
    cut = says_and_closes(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort")

    async with upstream(cut) as server, client() as http_client:
        with pytest.raises(httpx.ReadError):
            await http_client.get(server.url)


async def test_a_post_is_never_sent_twice() -> None:
    async with upstream(says_and_closes(b""), GOOD) as server, client() as http_client:
        with pytest.raises(httpx.ReadError):
            await http_client.post(server.url, content=b"cart")

        assert len(server.requests) == 1


async def test_closing_the_client_closes_its_connections() -> None:
    async with upstream(GOOD) as server:
        async with client() as http_client:
            await http_client.get(server.url)

        await server.wait_for_finished(1)


async def test_a_client_that_was_never_used_can_be_closed() -> None:
    http_client = client()

    await http_client.aclose()

    assert http_client.is_closed


async def test_deadlines_under_contention_leave_a_pool_that_still_serves() -> None:
    """A deadline is a cancellation, and pools have lost connections to those (httpcore#1093)."""
    rng = random.Random(7)  # noqa: S311 reproducible, and nothing secret
    deadlines_s = [0.002, 0.005, 0.01, 0.03, 60.0]  # the last for those who get their answer

    async def takes_a_moment(connection: Connection) -> None:
        await asyncio.sleep(0.02)  # an upstream's own time, longer than some of the deadlines
        await connection.send(GOOD)

    async with upstream(takes_a_moment) as server, client() as http_client:
        outcomes = {"answered": 0, "cut": 0}

        async def hurry() -> None:
            while outcomes["cut"] <= 100 or outcomes["answered"] <= 20:
                try:
                    async with asyncio.timeout(rng.choice(deadlines_s)):
                        await http_client.post(server.url, content=b"cart")
                except TimeoutError:
                    outcomes["cut"] += 1
                else:
                    outcomes["answered"] += 1

        async with asyncio.timeout(60):
            await asyncio.gather(*(hurry() for _ in range(2 * CONNECTIONS_MAX)))
            calm = [await http_client.post(server.url, content=b"cart") for _ in range(20)]

    assert outcomes["cut"] > 100
    assert outcomes["answered"] > 20
    assert [response.content for response in calm] == [b"good"] * 20


async def test_a_hundred_stuck_calls_that_were_given_up_leave_room_for_the_next() -> None:
    scripts = [hangs] * CONNECTIONS_MAX

    async with upstream(*scripts, GOOD) as server, client() as http_client:
        calls = [asyncio.create_task(http_client.post(server.url)) for _ in range(CONNECTIONS_MAX)]
        await server.wait_for_requests(CONNECTIONS_MAX)
        waiting = asyncio.create_task(http_client.post(server.url))
        for call in calls:
            call.cancel()
        async with asyncio.timeout(60):
            response = await waiting
        await asyncio.gather(*calls, return_exceptions=True)

    assert response.content == b"good"
