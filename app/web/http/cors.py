"""CORS: decides which pages' scripts may read our answers (Fetch standard).

No answer that a page may read depends on a cookie, or on any other credential that a browser adds
automatically. So `Access-Control-Allow-Credentials` is never sent, and a script may send any
header.
"""

import re
from collections.abc import Collection
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Files that pages load and caches store: the header is the same for every origin, so that a cache
# that ignores `Vary` cannot serve one origin's answer to another.
PUBLIC_FILES: Final = re.compile(r"/checkout\.[^/]+|/checkout/page\.js")

# Endpoints that need a token are for the shop's own server, and the console is for its operators,
# so no page's script may read them.
NOT_FOR_PAGES: Final = re.compile(r"/(orders|notifications|reconcile|events|console)(/.*)?")

PREFLIGHT_MAX_AGE_S: Final = 7200  # Chromium's maximum; other browsers keep it longer
HEADER_NAMES_MAX: Final = 100
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")  # RFC 9110, 5.6.2: token
# Always allowed, whether requested or not.
_HEADERS: Final = (
    "Accept",
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "Last-Event-ID",
)
_EXPOSED: Final = (
    "Content-Location, ETag, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, "
    "Retry-After, X-Request-Id"
)


class Cors:
    """Lets pages of `origins` read every answer of `app`, and all pages read its public files.

    `origins` are written as in browsers: lower case, without the scheme's default port.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] != "http" or NOT_FOR_PAGES.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        is_public = PUBLIC_FILES.fullmatch(scope["path"]) is not None
        allowed = "*" if is_public else self._allowed(headers.get("origin"))
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _preflight(headers, allowed)(scope, receive, send)
            return

        async def send_allowed(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered = MutableHeaders(scope=message)
                if allowed:
                    answered["Access-Control-Allow-Origin"] = allowed
                    answered["Access-Control-Expose-Headers"] = _EXPOSED
                if not is_public:
                    answered.add_vary_header("Origin")
            await send(message)

        await self._app(scope, receive, send_allowed)

    def _allowed(self, origin: str | None) -> str | None:
        return origin if origin is not None and origin.lower() in self._origins else None


def _preflight(headers: Headers, allowed: str | None) -> Response:
    """Answer a preflight. Its headers are echoed, because `*` does not include Authorization."""
    if allowed is None:
        message = "Pages of this origin may not call; the owner lists origins in ALLOWED_ORIGINS.\n"
        return PlainTextResponse(message, 400, {"Vary": "Origin"})
    answered = {
        "Access-Control-Allow-Origin": allowed,
        "Access-Control-Allow-Methods": "GET, HEAD, POST",
        "Access-Control-Allow-Headers": ", ".join(_header_names(headers)),
        "Access-Control-Max-Age": str(PREFLIGHT_MAX_AGE_S),
        "Vary": "Origin, Access-Control-Request-Headers",
    }
    return Response(status_code=200, headers=answered)


def _header_names(headers: Headers) -> list[str]:
    """Return ours, then the requested ones that are valid names; each once, limited in number."""
    names = {name.lower(): name for name in _HEADERS}
    for line in headers.getlist("access-control-request-headers"):
        for part in line.split(","):
            name = part.strip(" \t")
            if _HEADER_NAME.fullmatch(name):
                names.setdefault(name.lower(), name)
    return list(names.values())[:HEADER_NAMES_MAX]
