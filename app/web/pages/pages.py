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
