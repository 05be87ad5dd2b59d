"""Tells programs and scripts in pages from people whose browser navigates."""

from typing import Final

from starlette.datastructures import Headers

# A script cannot follow a redirect to Stripe's page; only a navigation can (Fetch standard).
_SCRIPT_MODES = frozenset({"cors", "same-origin", "no-cors"})

HEADER_LENGTH_MAX: Final = 1024  # browsers send less; a longer one is ignored, which costs nothing

_Preference = tuple[float, int]


def wants_json_answer(headers: Headers) -> bool:
    """Return whether the caller wants the payment page's address as data, not a redirect."""
    if headers.get("sec-fetch-mode") in _SCRIPT_MODES:
        return True
    accept = _accept(headers)
    return accept is not None and _preference(accept, "application/json") > _preference(
        accept, "text/html"
    )


def wants_page(headers: Headers) -> bool:
    """Return whether a person will read the answer."""
    accept = _accept(headers)
    return (
        accept is not None
        and headers.get("sec-fetch-mode") not in _SCRIPT_MODES
        and _preference(accept, "text/html") > _preference(accept, "application/json")
    )


def preferred_languages(accept_language: str) -> list[str]:
    """Return the caller's language tags, the preferred one first (RFC 9110, 12.5.4)."""
    if len(accept_language) > HEADER_LENGTH_MAX:
        return []
    found = []
    for part in accept_language.split(","):
        tag, *parameters = (text.strip().lower() for text in part.split(";"))
        if 0 < (quality := _quality(parameters)) <= 1:
            found.append((quality, tag))
    return [tag for _, tag in sorted(found, key=lambda pair: -pair[0])]


def _accept(headers: Headers) -> str | None:
    accept = headers.get("accept")
    return None if accept is not None and len(accept) > HEADER_LENGTH_MAX else accept


def _preference(accept: str, media_type: str) -> _Preference:
    """Return how much `accept` prefers `media_type`: its quality, then how specific the range is.

    RFC 9110, 12.5.1: the most specific range that matches gives the quality.
    """
    best: _Preference = (0.0, 0)
    for part in accept.split(","):
        media_range, *parameters = (text.strip().lower() for text in part.split(";"))
        precision = _precision(media_range, media_type)
        if precision > best[1]:
            best = (_quality(parameters), precision)
    return best if best[0] > 0 else (0.0, 0)  # q=0 means: not acceptable


def _precision(media_range: str, media_type: str) -> int:
    if media_range == media_type:
        return 3
    if media_range == f"{media_type.partition('/')[0]}/*":
        return 2
    return 1 if media_range == "*/*" else 0


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
