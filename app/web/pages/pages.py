"""What the small pages share: their templates, and headers that let nothing in from elsewhere."""

import base64
import hashlib
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES: Final = Path(__file__).parent / "templates"

SECURITY_HEADERS: Final = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def make_environment() -> Environment:
    """Return templates that escape every value and raise on an unknown name."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
    )


def policy(style: str, *more: str, forms: str = "'none'") -> str:
    """Return a policy that allows only the page's own style, and `more`."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return closed_policy(f"style-src 'sha256-{digest}'", *more, forms=forms)


def closed_policy(*directives: str, forms: str = "'none'") -> str:
    """Return a policy that allows only what these CSP directives allow.

    `forms` is where forms may be sent.
    """
    closed = ("base-uri 'none'", f"form-action {forms}", "frame-ancestors 'none'")
    return "; ".join(("default-src 'none'", *directives, *closed))
