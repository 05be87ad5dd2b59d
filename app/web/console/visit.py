"""One request of a signed-in operator, and the addresses of the console as seen from it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from app.web.console.sessions import Session
from app.web.pages.pages import SECURITY_HEADERS, closed_policy

# A page of the console, relative to it. It never leads elsewhere: no scheme, no host, no dots.
_PLACE: Final = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*(\?[A-Za-z0-9_.~%&=+-]*)?")
PLACE_LENGTH_MAX: Final = 1000
# Browsers send `Origin: null` along with a form of a page that never sends a referrer.
HEADERS: Final = SECURITY_HEADERS | {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
}


@dataclass(frozen=True, slots=True)
class Visit:
    """`form` has the fields that were sent with an act."""

    request: Request
    session: Session
    form: Mapping[str, str] = field(default_factory=dict)


def base_of(request: Request) -> str:
    """Return the console's address relative to the request's, as a proxy may serve it elsewhere.

    As many steps up as the browser sees in the path, so the raw path counts.
    """
    raw: bytes | None = request.scope.get("raw_path")
    path = raw.partition(b"?")[0] if raw else request.scope["path"].encode()
    return "../" * (path.count(b"/") - 1) + "console"


def place_of(text: str) -> str:
    """Return a page of the console that a form names, or none: the first page."""
    is_place = len(text) <= PLACE_LENGTH_MAX and _PLACE.fullmatch(text)
    return text if is_place else ""


def see_other(request: Request, place: str = "", /, **query: str | int) -> Response:
    """Lead to a page of the console, with GET."""
    address = f"{base_of(request)}/{place}" if place else base_of(request)
    if query:
        address += f"{'&' if '?' in place else '?'}{urlencode(query)}"
    policy = {"Content-Security-Policy": closed_policy()}
    return Response(status_code=303, headers={"Location": address, **HEADERS, **policy})
