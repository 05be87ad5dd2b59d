"""Posts to URLs that the shop chose: one attempt, which never raises and never hangs."""

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult

from app.adapters.http_transport import AiohttpTransport
from app.domain.checkout.urls import read_web_url
from app.domain.notifications.addresses import is_forbidden, is_forbidden_host
from app.domain.notifications.tries import Answer, Verdict, verdict_of
from app.domain.retry_after import read_retry_after
from app.usecases.ports import Clock

TRY_S: Final = 15.0  # for a whole attempt: DNS, connection, TLS, request and answer
ANSWER_BYTES_MAX: Final = 64 * 1024
_FORBIDDEN: Final = "has a link-local or metadata address, to which nothing is sent"

# By the transport's exception, or its cause; the first match counts.
_PROBLEMS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (aiohttp.ClientConnectorDNSError, "cannot be found: its host name does not resolve"),
    (aiohttp.ClientConnectorCertificateError, "has a TLS certificate that is not valid for it"),
    (aiohttp.ClientSSLError, "does not speak TLS correctly"),
    (httpx.ConnectError, "refuses connections, or cannot be reached"),
    (httpx.ReadError, "closed the connection before the end of its answer"),
    (httpx.RemoteProtocolError, "did not answer in HTTP"),
)
_ANY_OTHER_PROBLEM: Final = "could not be reached"


class ForbiddenAddressError(OSError):
    """A name resolves to an address to which nothing is sent."""


class CheckedResolver(AbstractResolver):
    """Resolves names, and refuses a name if any of its addresses is forbidden.

    The connection uses the returned addresses, so they cannot change after the check.
    """

    def __init__(self, names: AbstractResolver | None = None) -> None:
        """`names` resolves names; by default the operating system does."""
        self._names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """See aiohttp."""
        names = self._names or aiohttp.ThreadedResolver()
        resolved = await names.resolve(host, port, family)
        if any(is_forbidden(ipaddress.ip_address(_bare(each["host"]))) for each in resolved):
            raise ForbiddenAddressError(_FORBIDDEN)
        return resolved

    async def close(self) -> None:
        """Nothing to close."""


def _bare(address: str) -> str:
    """Return an IPv6 address without its zone (`fe80::1%eth0`)."""
    return address.partition("%")[0]


class Posts:
    """Posts to one URL."""

    def __init__(
        self, url: str, *, transport: AiohttpTransport, clock: Clock, deadline_s: float = TRY_S
    ) -> None:
        """`transport` has a `CheckedResolver`."""
        self._url = httpx.URL(url)
        self._is_forbidden = is_forbidden_host(read_web_url(url).host)
        self._transport = transport
        self._clock = clock
        self._deadline_s = deadline_s

    async def post(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Make one attempt; return what happened."""
        return await self._attempt(httpx.Request("POST", self._url, headers=headers, content=body))

    async def get(self, headers: Mapping[str, str]) -> Answer:
        """Make one attempt; only the answer's status is of interest."""
        return await self._attempt(httpx.Request("GET", self._url, headers=headers))

    async def _attempt(self, request: httpx.Request) -> Answer:
        if self._is_forbidden:  # a literal address, which is not resolved
            return Answer(status=None, problem=_FORBIDDEN)
        try:
            async with asyncio.timeout(self._deadline_s):
                return await self._exchange(request)
        except TimeoutError:
            problem = f"did not finish its answer within {self._deadline_s:g} s"
            return Answer(status=None, problem=problem)
        except httpx.TransportError as error:
            return Answer(status=None, problem=_problem(error))

    async def _exchange(self, request: httpx.Request) -> Answer:
        response = await self._transport.handle_async_request(request)
        try:
            await _read_and_forget(response)
        finally:
            await response.aclose()
        answer = Answer(status=response.status_code)
        if verdict_of(answer) is not Verdict.AGAIN:
            return answer
        now_s = self._clock.now_ms() / 1000
        asked_s = read_retry_after(response.headers.get("retry-after", ""), now_s=now_s)
        return replace(answer, retry_after_s=asked_s)


async def _read_and_forget(response: httpx.Response) -> None:
    """Read a short answer, so that the connection can be reused; leave the rest of a long one."""
    read_bytes = 0
    async for chunk in response.aiter_raw():
        read_bytes += len(chunk)
        if read_bytes >= ANSWER_BYTES_MAX:
            return


def _problem(error: Exception) -> str:
    """Return what happened, without any text from the receiver."""
    below = error.__cause__ or error
    if isinstance(getattr(below, "os_error", None), ForbiddenAddressError):
        return _FORBIDDEN
    for kind, message in _PROBLEMS:
        if isinstance(below, kind) or isinstance(error, kind):
            return message
    return _ANY_OTHER_PROBLEM
