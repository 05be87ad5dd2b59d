"""What an event proves about a payment, and functions to read its fields."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeVar

from app.domain.money import AMOUNT_MAX
from app.domain.payments.facts import PaymentFacts

Subject = Mapping[str, object]

_OBJECT_ID: Final = re.compile(r"[A-Za-z0-9_]{1,255}")
_NAME: Final = re.compile(r"[A-Za-z0-9_.]{1,255}")
_CURRENCY: Final = re.compile(r"[a-z]{3}")
LISTED_MAX: Final = 100  # Stripe puts the first 10 of a list into an event (api/pagination)
_NOTHING: Final[Subject] = MappingProxyType({})
_TIME_MAX: Final = 2**37  # in seconds: some thousand years from now, and still a valid date

Known = TypeVar("Known", bound=StrEnum)


class CannotFoldError(Exception):
    """An event about a payment has an unexpected form."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one event proves about one payment.

    A session's event names its payment by `session_id`, and `object_ids` are the ids that later
    events use for it. Any other event has no `session_id`, and applies to every payment to which
    one of its `object_ids` is linked. `doubts` lists what could not be understood. `at_s` is when
    Stripe created a session's event, in epoch seconds.
    """

    session_id: str | None
    object_ids: tuple[str, ...]
    facts: PaymentFacts
    doubts: tuple[str, ...] = ()
    at_s: int | None = None


def own_id(subject: Subject) -> str:
    """Return the object's own id.

    Raises:
        CannotFoldError: it has no valid id.
    """
    object_id = id_of(subject.get("id"))
    if object_id is None:
        raise CannotFoldError("data.object.id is missing or has an unexpected form")
    return object_id


def id_of(value: object) -> str | None:
    """Return the id in a field that contains an id, an expanded object, or nothing."""
    if value is None:
        return None
    if isinstance(value, dict):
        value = value.get("id")
    return value if isinstance(value, str) and _OBJECT_ID.fullmatch(value) else None


def name_of(value: object) -> str | None:
    """Return a type's name, like `checkout.session`, or None if it is not one."""
    return value if isinstance(value, str) and _NAME.fullmatch(value) else None


def ids_of(*values: object) -> tuple[str, ...]:
    """Return the ids in such fields, each once, in order."""
    return tuple(dict.fromkeys(found for value in values if (found := id_of(value)) is not None))


def known_value(members: Mapping[str, Known], value: object) -> Known | None:
    """Return the member for one of Stripe's values; None if it is unknown."""
    return members.get(value) if isinstance(value, str) else None


def amount_minor(value: object) -> int | None:
    """Return an amount in the minor unit, or None if it is not one."""
    return value if type(value) is int and 0 <= value <= AMOUNT_MAX else None


def currency_of(value: object) -> str | None:
    """Return a currency's three lower-case letters, or None if it is not one."""
    return value if isinstance(value, str) and _CURRENCY.fullmatch(value) else None


def required_amount_minor(subject: Subject, name: str) -> int:
    """Return an amount that the object must have.

    Raises:
        CannotFoldError: it is missing or not an amount.
    """
    amount = amount_minor(subject.get(name))
    if amount is None:
        raise CannotFoldError(f"data.object.{name} is not an amount")
    return amount


def time_s(value: object) -> int | None:
    """Return a time in epoch seconds, or None if it is not one."""
    return value if type(value) is int and 0 <= value < _TIME_MAX else None


def listed(subject: Subject, name: str, doubts: list[str]) -> list[Subject]:
    """Return the objects of a Stripe list: `{"object": "list", "data": [...]}`.

    Only the first `LISTED_MAX` are read, and `doubts` reports a longer list: each id costs a lock
    and a row, and one event must not delay the others.
    """
    value = subject.get(name)
    data = value.get("data") if isinstance(value, dict) else None
    if not isinstance(data, list):
        return []
    if len(data) > LISTED_MAX:
        doubts.append(f"data.object.{name} lists more than {LISTED_MAX} objects")
    return [item for item in data[:LISTED_MAX] if isinstance(item, dict)]


def inner(value: object, *names: str) -> object:
    """Return the value at a path of names, or None if the path does not exist."""
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def object_in(subject: Subject, name: str) -> Subject:
    """Return the object in a field, or an empty one if there is none."""
    value = subject.get(name)
    return value if isinstance(value, dict) else _NOTHING


def doubtful(name: str) -> str:
    """Return the message for a field with an unknown value, which it does not repeat."""
    return f"data.object.{name} is missing or unknown"
