"""Rejects requests from other sites' pages: checks the Host and Origin headers.

The sandbox has no login, so any page that a developer has open could otherwise press every button:
by posting to this port, or with a host name that resolves to this machine (DNS rebinding).
Programs send no Origin header and are allowed everything.
"""

import ipaddress
import re
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.pages import origin_of

# How docker-compose.yml's containers reach each other. No public site can have a name without a
# dot.
COMPOSE_NAMES = frozenset(("checkout", "sandbox"))
# They change nothing, and without CORS headers another site's page cannot read the response.
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))

HOST = re.compile(r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)

Refuse = Callable[[Request, Exception], Awaitable[Response]]


class Guard:
    """Middleware in front of every route; `refuse` makes the response to a rejected request."""

    def __init__(self, app: ASGIApp, *, public_url: str, refuse: Refuse) -> None:
        self._app = app
        self._own_name = (urlsplit(public_url).hostname or "").lower()
        self._own_origin = origin_of(public_url).lower()
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] == "http":
            request = Request(scope)
            try:
                host = self._check_host(request)
                self._check_origin(request, host)
            except HTTPException as error:
                answer = await self._refuse(request, error)
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check_host(self, request: Request) -> str:
        """Return the one Host header, in lower case."""
        hosts = request.headers.getlist("host")
        if len(hosts) != 1:
            raise HTTPException(400, "A request needs one Host header.")
        host = hosts[0].lower()
        match = HOST.fullmatch(host)
        if match is None or not self._is_own(match["name"]):
            raise HTTPException(
                403,
                f"The sandbox answers at localhost and at {self._own_name} only. "
                "Start it with --public-url if browsers reach it under another name.",
            )
        return host

    def _is_own(self, name: str) -> bool:
        if name in COMPOSE_NAMES or name in {"localhost", self._own_name}:
            return True
        try:
            return ipaddress.ip_address(name.strip("[]")).is_loopback
        except ValueError:
            return False

    def _check_origin(self, request: Request, host: str) -> None:
        """Reject other origins, which browsers name in each form or fetch (RFC 6454, section 7)."""
        if request.method in SAFE_METHODS:
            return
        own = {self._own_origin, f"http://{host}", f"https://{host}"}
        if any(origin.lower() not in own for origin in request.headers.getlist("origin")):
            raise HTTPException(
                403,
                "This came from another site's page. Press the buttons on the sandbox's own pages, "
                "or call it from a program, which sends no Origin header.",
            )
