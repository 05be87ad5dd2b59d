"""Sends httpx's requests over aiohttp's connections.

httpx's own pool does not recover from a canceled request under contention (httpcore#1093), and our
deadline cancels requests; it also costs four times the CPU. docs/decisions/0003 has the figures,
and why this is not the httpx-aiohttp package.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, cast

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

CONNECTIONS_MAX: Final = 128
KEEPALIVE_S: Final = 30.0
CHUNK_BYTES: Final = 16 * 1024
INTERIM_ANSWERS_MAX: Final = 10  # 100 Continue and 103 Early Hints; most servers send none
PARSED_AT_ONCE_BYTES: Final = 4 * 1024

# The first match wins, so subclasses come before their bases.
_HTTPX_ERRORS: Final[tuple[tuple[type[Exception], type[httpx.TransportError]], ...]] = (
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.ServerTimeoutError, httpx.ReadTimeout),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.ClientConnectionError, httpx.ReadError),
    (aiohttp.ClientPayloadError, httpx.ReadError),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError),
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol),
    (aiohttp.ClientError, httpx.NetworkError),
)


class AiohttpTransport(httpx.AsyncBaseTransport):
    """One connection pool. Sends requests as they are: no cookies or redirects.

    A GET whose kept connection turns out to be closed is sent once more, by aiohttp.
    """

    def __init__(
        self, ssl_context: ssl.SSLContext | None = None, *, resolver: AbstractResolver | None = None
    ) -> None:
        """`resolver` finds the addresses of names; by default the operating system does."""
        self._ssl_context = ssl_context or ssl.create_default_context()
        self._resolver = resolver
        self._opened: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the caller reads the response's body."""
        with _as_httpx_errors():
            response = await self._session().request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=[(name.decode(), value.decode()) for name, value in request.headers.raw],
                data=request.content or None,  # a GET has no body, not an empty one
                allow_redirects=False,
            )
        return httpx.Response(
            response.status,
            headers=response.raw_headers,
            stream=_Body(response),
            request=request,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        if self._opened is not None:
            await self._opened.close()

    def _session(self) -> aiohttp.ClientSession:
        """Return the session, opened on first use because aiohttp needs the running loop."""
        if self._opened is None:
            self._opened = aiohttp.ClientSession(
                connector=_Connector(
                    limit=CONNECTIONS_MAX,
                    keepalive_timeout=KEEPALIVE_S,
                    ssl=self._ssl_context,
                    resolver=self._resolver,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(),  # none: the caller's deadline is the only one
                auto_decompress=False,
                trust_env=False,
            )
        return self._opened


class _Connector(aiohttp.TCPConnector):
    """Connections that limit the number of interim responses."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 aiohttp's own
        super().__init__(**options)
        answers = partial(_Answers, loop=asyncio.get_running_loop())
        self._factory = cast("partial[ResponseHandler]", answers)


class _Answers(ResponseHandler):
    """Limits interim responses (1xx), of which aiohttp accepts any number.

    A flood of them, parsed in chunks of 256 KB, blocked the event loop, and every webhook with it,
    until the deadline; it also used 180 MB.
    """

    _interim_answers = 0

    def set_response_params(self, **params: Any) -> None:  # noqa: ANN401 aiohttp's own
        self._interim_answers = 0
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), PARSED_AT_ONCE_BYTES):
            super().data_received(data[start : start + PARSED_AT_ONCE_BYTES])
            if self._interim_answers > INTERIM_ANSWERS_MAX:
                self.set_exception(HttpProcessingError(message="too many interim answers"))
                if self.transport is not None:
                    self.transport.abort()
                return

    def feed_data(self, data: Any, size: int = 0) -> None:  # noqa: ANN401 aiohttp's own
        if data[0].code < 200 and data[0].code != 101:  # noqa: PLR2004 RFC 9110, 15.2
            self._interim_answers += 1
        else:
            super().feed_data(data, size)


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx_errors():
            async for chunk in self._response.content.iter_chunked(CHUNK_BYTES):
                yield chunk

    async def aclose(self) -> None:
        """Return the connection to the pool if the body was read to its end; otherwise close it."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


@contextmanager
def _as_httpx_errors() -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, OSError, ValueError) as error:
        for theirs, ours in _HTTPX_ERRORS:
            if isinstance(error, theirs):
                raise ours(type(error).__name__) from error
        raise httpx.NetworkError(type(error).__name__) from error
