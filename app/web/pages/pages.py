"""The small pages that a person sees. No outside request, a strict policy."""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from app.domain.errors import CheckoutError

TEMPLATES: Final = Path(__file__).parent / "templates"

SECURITY_HEADERS: Final = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Pages:
    """Renders pages of one shop."""

    def __init__(self, *, shop_url: str) -> None:
        style = (TEMPLATES / "page.css").read_text()
        self._problem = make_environment().get_template("problem.html")
        self._shown = {"shop_url": shop_url, "style": Markup(style)}  # noqa: S704 our own file
        self._headers = SECURITY_HEADERS | {"Content-Security-Policy": policy(style)}

    def problem(
        self, error: CheckoutError, *, status: int, request_id: str, headers: Mapping[str, str]
    ) -> HTMLResponse:
        """A page that says what `error` says, with the way back to the shop."""
        html = self._problem.render(self._shown, error=error, request_id=request_id)
        return HTMLResponse(html, status, {**self._headers, **headers})


def make_environment() -> Environment:
    """Templates in which every value is text, and an unknown name a defect."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
    )


def policy(style: str, *more: str) -> str:
    """Nothing may load or run, but the one style that stands in the page, and `more`."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return closed_policy(f"style-src 'sha256-{digest}'", *more)


def closed_policy(*directives: str) -> str:
    """Nothing may load or run but what these directives of CSP allow."""
    closed = ("base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'")
    return "; ".join(("default-src 'none'", *directives, *closed))
