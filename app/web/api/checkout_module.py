"""GET /checkout.js: the module that a shop's page imports, and its types."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from app.web.http.etags import is_known
from app.web.openapi import TEXT, Operation, Schema, content, parameter
from app.web.routes import Answer, get_and_head

_STATIC: Final = Path(__file__).parent / "static"

# Any page may load them (app/web/http/cors): they contain no secrets, and CORS protects the
# endpoints that they call.
_HEADERS: Final = {
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}
_FOR_A_WHILE: Final = {"Cache-Control": "public, max-age=300"}
_FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}

_IF_NONE_MATCH: Final = parameter("header", "If-None-Match", "The ETag of the cached copy.")
_NOT_MODIFIED: Final[Schema] = {"description": "The cached copy is up to date."}
_MODULE: Final[Schema] = {"description": "An ES module.", **content(TEXT, "text/javascript")}
_LATEST: Final = Operation(
    id="getModule",
    tag="module",
    summary="Import the module",
    description="The module for a shop's pages. Content-Location is the pinned address.",
    parameters=[_IF_NONE_MATCH],
    answers={"200": _MODULE, "304": _NOT_MODIFIED},
)
_PINNED: Final = Operation(
    id="getPinnedModule",
    tag="module",
    summary="Import one version of the module",
    description="This address always has the same text, so it can be used with `integrity`.",
    parameters=[parameter("path", "hash", "The version."), _IF_NONE_MATCH],
    answers={
        "200": _MODULE,
        "304": _NOT_MODIFIED,
        "307": {"description": "This service has another version; it redirects to /checkout.js."},
    },
)
_TYPES: Final = Operation(
    id="getModuleTypes",
    tag="module",
    summary="Read the module's types",
    parameters=[_IF_NONE_MATCH],
    answers={
        "200": {"description": "For TypeScript.", **content(TEXT, "text/plain")},
        "304": _NOT_MODIFIED,
    },
)


class CheckoutModule:
    """Serves the module, which is read when the process starts.

    The ETag is the digest for `integrity`; Content-Location is the pinned address. Addresses are
    relative, because a proxy may serve the service below a path.
    """

    def __init__(self) -> None:
        script = without_comments((_STATIC / "checkout.js").read_text()).encode()
        self._script = _File(script, "text/javascript")
        self._types = _File((_STATIC / "checkout.d.ts").read_bytes(), "text/plain")
        self._hash = hashlib.sha256(script).hexdigest()[:16]

    def routes(self) -> Sequence[BaseRoute]:
        """Serve GET and HEAD for the module, for one version of it, and for its types."""
        answers: list[tuple[str, Answer, Operation]] = [
            ("/checkout.js", self.latest, _LATEST),
            ("/checkout.{hash}.js", self.pinned, _PINNED),
            ("/checkout.d.ts", self.types, _TYPES),
        ]
        return [
            route
            for path, answer, operation in answers
            for route in get_and_head(path, answer, operation)
        ]

    async def latest(self, request: Request) -> Response:
        """Return the module, at its fixed address."""
        location = {"Content-Location": f"checkout.{self._hash}.js"}
        return self._script.answer(request, _FOR_A_WHILE | location)

    async def pinned(self, request: Request) -> Response:
        """Return the module with this hash; the hash of another version redirects to the latest."""
        if request.path_params["hash"] != self._hash:
            headers = _HEADERS | {"Cache-Control": "no-store", "Location": "checkout.js"}
            return Response(status_code=307, headers=headers)
        return self._script.answer(request, _FOR_EVER)

    async def types(self, request: Request) -> Response:
        """Return the module's types, for TypeScript."""
        return self._types.answer(request, _FOR_A_WHILE)


def without_comments(script: str) -> str:
    """Remove indentation, empty lines and comment lines."""
    lines = (line.strip() for line in script.splitlines())
    return "".join(f"{line}\n" for line in lines if line and not line.startswith("//"))


class _File:
    """A text that does not change while the process runs."""

    def __init__(self, body: bytes, media_type: str) -> None:
        digest = base64.b64encode(hashlib.sha384(body).digest()).decode()
        self._body = body
        self._media_type = media_type
        self._etag = f'"sha384-{digest}"'

    def answer(self, request: Request, headers: dict[str, str]) -> Response:
        headers = _HEADERS | {"ETag": self._etag} | headers
        if is_known(self._etag, request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        return Response(self._body, headers=headers, media_type=self._media_type)
