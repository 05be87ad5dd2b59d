"""Reads query parameters, and reports all of their faults together."""

import re
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from app.web.errors import InvalidQueryError, QueryFault

LIMIT_MAX: Final = 200
FAULTS_MAX: Final = 20  # so that an answer is not longer than its query
_LIMIT: Final = re.compile(r"[0-9]{1,3}")

NO_CURSOR: Final = "is not a valid cursor: send next_cursor unchanged"

T = TypeVar("T")


class QueryReading:
    """Reads the parameters and collects their faults, so that one answer lists all of them."""

    def __init__(self, parameters: Sequence[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in parameters:
            self._values.setdefault(name, []).append(value)
        self._faults: list[QueryFault] = []

    def one(self, name: str, read: Callable[[str], T]) -> T | None:
        """Return the value of a parameter that may occur once."""
        values = self._values.pop(name, [])
        if len(values) > 1:
            self._faults.append(QueryFault(name, "may be given only once"))
            return None
        return self._read(name, values[0], read) if values else None

    def many(self, name: str, read: Callable[[str], T]) -> list[T]:
        """Return the values of a parameter that may repeat."""
        found = [self._read(name, value, read) for value in self._values.pop(name, [])]
        return [value for value in found if value is not None]

    def refuse(self, name: str, detail: str) -> None:
        """Report a value that is wrong together with another one."""
        self._faults.append(QueryFault(name, detail))

    def finish(self) -> None:
        """Refuse unknown parameters and wrong values."""
        for name in self._values:
            self._faults.append(QueryFault(name[:64], "is not a parameter of this endpoint"))
        if self._faults:
            raise InvalidQueryError(self._faults[:FAULTS_MAX])

    def _read(self, name: str, value: str, read: Callable[[str], T]) -> T | None:
        try:
            return read(value)
        except ValueError as error:
            self._faults.append(QueryFault(name, str(error)))
            return None


def read_limit(text: str) -> int:
    """Read the maximum number of items of a page."""
    if not _LIMIT.fullmatch(text) or not 1 <= int(text) <= LIMIT_MAX:
        raise ValueError(f"must be a whole number from 1 to {LIMIT_MAX}")
    return int(text)
