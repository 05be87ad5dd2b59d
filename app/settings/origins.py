"""Reads ALLOWED_ORIGINS: the shop's origins, and a demo's wildcard for this machine."""

from collections.abc import Collection, Sequence
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

from app.domain.checkout.origins import ListedAndLoopback
from app.domain.checkout.urls import read_web_url
from app.settings.types import split_list

# An entry of the list; `check_origins` rejects it where real payments could be recorded.
ANY_LOOPBACK: Final = "any-loopback"


def read_origin(value: str) -> str:
    """Return the origin, as browsers write it.

    Raises:
        ValueError: it is not one; the message completes "NAME is wrong: …".
    """
    url = read_web_url(value)
    if url.rest not in {"", "/"}:
        raise ValueError("must be origins alone, like https://shop.example, without a path")
    return url.origin


def check_origins(listed: Sequence[str], *, is_demo: bool) -> None:
    """Reject the wildcard outside a demo, where any local page could start checkouts.

    Raises:
        ValueError: the list contains the wildcard, and this is not a demo.
    """
    if ANY_LOOPBACK in listed and not is_demo:
        raise ValueError(
            f"ALLOWED_ORIGINS is wrong: {ANY_LOOPBACK} works only in the demo, where the sandbox "
            "simulates Altan Pay and signs webhooks with its own secret; list your shop's origins"
        )


def origins_of(listed: Sequence[str]) -> Collection[str]:
    """Return the listed origins as a collection that supports `in`."""
    origins = frozenset(listed) - {ANY_LOOPBACK}
    return ListedAndLoopback(origins) if ANY_LOOPBACK in listed else origins


def _allowed_origin(value: str) -> str:
    return value if value == ANY_LOOPBACK else read_origin(value)


# `NoDecode` must be outermost: inside, as in `Origins | None`, it has no effect; the value would be
# read as JSON first, and `null` would count as unset.
Origins = Annotated[
    tuple[Annotated[str, AfterValidator(_allowed_origin)], ...] | None,
    NoDecode,
    BeforeValidator(split_list),
]
