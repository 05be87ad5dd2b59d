"""The address that a buyer returns to, with the ids that its page needs to ask for the status."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from app.domain.checkout.urls import WebUrl

# Stripe fills these braces in only while they are literal (checkout: custom success page).
SESSION_ID_PLACEHOLDER: Final = "{CHECKOUT_SESSION_ID}"

# The names in a success URL that are ours: whatever stood under them before is replaced. Those
# for pages are repeated in the fragment of a hash router; others stay in the query alone.
CHECKOUT_KEY: Final = "checkout_key"  # the secret that proves whose a session is, see `claims`
NAMES_FOR_PAGES: Final = ("session_id", "checkout_id")
OWN_NAMES: Final = (*NAMES_FOR_PAGES, CHECKOUT_KEY)

# Each character as it is, or percent-encoded with digits of either case (RFC 3986, 2.1).
_PLACEHOLDER_ENCODED: Final = re.compile(
    "".join(f"(?:{re.escape(c)}|%(?i:{ord(c):02x}))" for c in SESSION_ID_PLACEHOLDER)
)
# The path of a hash router (Vue, Angular, React): `#/thanks`, `#!/thanks`.
_ROUTE: Final = re.compile(r"!?/")


def with_ids(url: WebUrl, ids: Mapping[str, str]) -> str:
    """`url` with `ids` (name to value, names of `OWN_NAMES`), which replace earlier ones.

    They are always in the query, after the shop's own parameters, which keep their order and their
    bytes. The fragment has them as well where it names one of them, or is the path of a hash
    router with a query: such pages read nothing but the fragment.
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
    """A pair that says already what we would say stays where the shop has put it."""
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
    """A parameter's name as pages read it; they tell upper case from lower, and so do we."""
    return unquote(pair.partition("=")[0])
