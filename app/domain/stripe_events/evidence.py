"""What an event says of a payment, and the reading of single fields that all kinds share."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from app.domain.money import AMOUNT_MAX
from app.domain.payments.facts import PaymentFacts

_OBJECT_ID: Final = re.compile(r"[A-Za-z0-9_]{1,255}")
_NAME: Final = re.compile(r"[A-Za-z0-9_.]{1,255}")
_CURRENCY: Final = re.compile(r"[a-z]{3}")
LISTED_MAX: Final = 100  # Stripe puts the first 10 of a list into an event (api/pagination)
_TIME_MAX: Final = 2**37  # in seconds: some thousand years on, and still a date

Subject = Mapping[str, object]
Known = TypeVar("Known", bound=StrEnum)


class CannotFoldError(Exception):
    """An event of a kind that concerns payments has a form that nobody foresaw."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one event says of one payment.

    A session's event names its payment by `session_id`, and `object_ids` are those by which later
    events will speak of it. Any other event has no `session_id`, and concerns every payment to
    which one of its `object_ids` is linked. `doubts` are what could not be understood in it.
    `at_s` is when Stripe made a session's event, in epoch seconds.
    """

    session_id: str | None
    object_ids: tuple[str, ...]
    facts: PaymentFacts
    doubts: tuple[str, ...] = ()
    at_s: int | None = None


def own_id(subject: Subject) -> str:
    """The object's own id.

    Raises:
        CannotFoldError: it has none.
    """
    object_id = id_of(subject.get("id"))
    if object_id is None:
        raise CannotFoldError("data.object.id is missing or has an unexpected form")
    return object_id


def id_of(value: object) -> str | None:
    """The id in a field that holds an id, or an expanded object, or nothing."""
    if isinstance(value, dict):
        value = value.get("id")
    return value if isinstance(value, str) and _OBJECT_ID.fullmatch(value) else None


def name_of(value: object) -> str | None:
    """A type's name, as `checkout.session`."""
    return value if isinstance(value, str) and _NAME.fullmatch(value) else None


def ids_of(*values: object) -> tuple[str, ...]:
    """The ids in such fields, each once, in their order."""
    return tuple(dict.fromkeys(found for value in values if (found := id_of(value)) is not None))


def known_word(words: Mapping[str, Known], word: object) -> Known | None:
    """What one of Stripe's words stands for; None for one that nobody has seen yet."""
    return words.get(word) if isinstance(word, str) else None


def amount_minor(value: object) -> int | None:
    """An amount in the minor unit."""
    return value if type(value) is int and 0 <= value <= AMOUNT_MAX else None


def currency_of(value: object) -> str | None:
    """A currency's three letters, in lower case as Stripe has them."""
    return value if isinstance(value, str) and _CURRENCY.fullmatch(value) else None


def required_amount_minor(subject: Subject, name: str) -> int:
    """An amount without which the object says nothing.

    Raises:
        CannotFoldError: it is missing or no amount.
    """
    amount = amount_minor(subject.get(name))
    if amount is None:
        raise CannotFoldError(f"data.object.{name} is not an amount")
    return amount


def time_s(value: object) -> int | None:
    """A time in epoch seconds."""
    return value if type(value) is int and 0 <= value < _TIME_MAX else None


def listed(subject: Subject, name: str, doubts: list[str]) -> list[Subject]:
    """The objects of a list as Stripe sends one: `{"object": "list", "data": [...]}`.

    Of a list longer than `LISTED_MAX` only the first count, and `doubts` says so: each id that an
    event names costs a lock and a row, and one event must not cost the others their turn.
    """
    value = subject.get(name)
    data = value.get("data") if isinstance(value, dict) else None
    if not isinstance(data, list):
        return []
    if len(data) > LISTED_MAX:
        doubts.append(f"data.object.{name} lists more than {LISTED_MAX} objects")
    return [item for item in data[:LISTED_MAX] if isinstance(item, dict)]


def inner(value: object, *names: str) -> object:
    """What stands at a path of names, or None where the path ends early."""
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def doubtful(name: str) -> str:
    """The words for a field of a kind that nobody has seen yet; its value is not repeated."""
    return f"data.object.{name} is of an unknown kind"
