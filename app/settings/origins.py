"""ALLOWED_ORIGINS: the shop's origins, and what stands for any page of this machine in a demo."""

from collections.abc import Collection, Sequence
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

from app.domain.checkout.origins import ListedAndLoopback
from app.domain.checkout.urls import read_web_url
from app.settings.types import split_list

# An entry of the list; `check_origins` refuses it wherever real payments could be recorded.
ANY_LOOPBACK: Final = "any-loopback"


def read_origin(value: str) -> str:
    """The origin, as browsers write it.

    Raises:
        ValueError: it is not one; in words that complete "NAME is wrong: …".
    """
    url = read_web_url(value)
    if url.rest not in {"", "/"}:
        raise ValueError("must be origins alone, like https://shop.example, without a path")
    return url.origin


def check_origins(listed: Sequence[str], *, is_demo: bool) -> None:
    """Keep a real shop closed: there, whatever runs on the machine could start its checkouts.

    Raises:
        ValueError: any page of this machine is to be let in, and this is no demo.
    """
    if ANY_LOOPBACK in listed and not is_demo:
        raise ValueError(
            f"ALLOWED_ORIGINS is wrong: {ANY_LOOPBACK} works in the demo alone, where the sandbox "
            "plays Altan Pay and signs webhooks with its own secret; list your shop's origins"
        )


def origins_of(listed: Sequence[str]) -> Collection[str]:
    """What the list means: a set of origins that answers `in`."""
    origins = frozenset(listed) - {ANY_LOOPBACK}
    return ListedAndLoopback(origins) if ANY_LOOPBACK in listed else origins


def _allowed_origin(value: str) -> str:
    return value if value == ANY_LOOPBACK else read_origin(value)


# `NoDecode` stands outermost: further in, as in `Origins | None`, it is not seen, and the value is
# read as JSON first, so that `null` would pass as unset.
Origins = Annotated[
    tuple[Annotated[str, AfterValidator(_allowed_origin)], ...] | None,
    NoDecode,
    BeforeValidator(split_list),
]
