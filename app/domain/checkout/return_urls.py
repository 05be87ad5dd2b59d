"""Adds the ids that a page needs to read the payment's status to the return URL."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from app.domain.checkout.urls import WebUrl

# Stripe replaces only literal braces (checkout: custom success page).
SESSION_ID_PLACEHOLDER: Final = "{CHECKOUT_SESSION_ID}"

# Our parameters' names in a success URL; earlier values are replaced. Those for pages are repeated
# in a hash router's fragment; the others are only in the query.
CHECKOUT_KEY: Final = "checkout_key"  # the secret that proves a session's checkout, see `claims`
NAMES_FOR_PAGES: Final = ("session_id", "checkout_id")
OWN_NAMES: Final = (*NAMES_FOR_PAGES, CHECKOUT_KEY)

# Each character literal, or percent-encoded with digits of either case (RFC 3986, 2.1).
_PLACEHOLDER_ENCODED: Final = re.compile(
    "".join(f"(?:{re.escape(c)}|%(?i:{ord(c):02x}))" for c in SESSION_ID_PLACEHOLDER)
)
# The path of a hash router (Vue, Angular, React): `#/thanks`, `#!/thanks`.
_ROUTE: Final = re.compile(r"!?/")


def with_ids(url: WebUrl, ids: Mapping[str, str]) -> str:
    """Return `url` with `ids` (name to value, names from `OWN_NAMES`), replacing earlier values.

    They are always in the query, after the shop's own parameters, whose order and bytes do not
    change. They are also in the fragment if it names one of them or is a hash router's path with a
    query, because such pages read only the fragment.
    """
    text = _PLACEHOLDER_ENCODED.sub(SESSION_ID_PLACEHOLDER, url.text)
    head, hash_mark, fragment = text.partition("#")
    path, _, query = head.partition("?")
    if not url.rest.startswith("/"):
        path += "/"
    # A hash router's own fragment, as in `#/thanks?a=1#top`, begins with one more `#`.
    parts = [_fragment_with_ids(part, ids) for part in fragment.split("#")]
    return f"{path}?{_with_ids(query, ids)}{hash_mark}{'#'.join(parts)}"


def _fragment_with_ids(fragment: str, ids: Mapping[str, str]) -> str:
    route, question_mark, query = fragment.partition("?")
    if not question_mark:
        route, query = "", fragment
    is_route = question_mark and _ROUTE.match(route)
    if not is_route and not any(_name(pair) in OWN_NAMES for pair in query.split("&")):
        return fragment
    for_pages = {name: value for name, value in ids.items() if name in NAMES_FOR_PAGES}
    return f"{route}{question_mark}{_with_ids(query, for_pages)}"


def _with_ids(query: str, ids: Mapping[str, str]) -> str:
    """Keep a pair that already has the right value where the shop put it."""
    missing = {f"{name}={value}": None for name, value in ids.items()}
    kept = []
    for pair in query.split("&"):
        if pair in missing:
            del missing[pair]
        elif _name(pair) in OWN_NAMES:
            continue
        kept.append(pair)
    before = "&".join(kept)
    return "&".join([before, *missing] if before else missing)


def _name(pair: str) -> str:
    """Return a parameter's decoded name; it is case-sensitive, as in pages."""
    return unquote(pair.partition("=")[0])
