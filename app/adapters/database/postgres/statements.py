"""PostgreSQL's version of the shared SQL, and the statements that differ."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from app.adapters.database.fold_sql import ADD_EVENT, AROUND, AROUND_TO_READ, Reading
from app.adapters.database.rows import NamedValues
from app.adapters.database.sql import Writing

_PARAMETER: Final = re.compile(r"(?<![:\w]):(\w+)")


@cache
def numbered(text: str) -> tuple[str, tuple[str, ...]]:
    """A statement of `sql.py` with numbered parameters, and their names in that order."""
    names = tuple(dict.fromkeys(_PARAMETER.findall(text)))
    return _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", text), names


@cache
def looking(readings: tuple[Reading, ...], *, to_change: bool) -> tuple[str, tuple[str, ...]]:
    """Return one statement that reads rows of all these kinds, and its parameters' names.

    Each row has the number of its kind, and NULL in the columns of the others.
    """
    text = " UNION ALL ".join(_numbered_reading(kind, readings) for kind in range(len(readings)))
    follows_links = any(reading.follows_links for reading in readings)
    around = AROUND if to_change else AROUND_TO_READ
    return numbered(f"{around} {text}" if follows_links else text)


def _numbered_reading(kind: int, readings: tuple[Reading, ...]) -> str:
    reading = readings[kind]
    columns = {name: type_ for each in readings for name, type_ in each.columns.items()}
    chosen = ", ".join(
        name if name in reading.columns else f"NULL::{type_} AS {name}"
        for name, type_ in columns.items()
    )
    return f"SELECT {kind} AS kind, {chosen} FROM ({reading.text}) AS of_kind_{kind}"


@cache
def writing(kinds: tuple[Writing, ...]) -> str:
    """Return one statement that writes rows of all these kinds, and returns new events' ids.

    Its parameters are one list for each column of each kind, in order. The parts do not see each
    other's rows, and the foreign key of links is checked at the end.
    """
    parts, number = list[str](), 0
    for kind in kinds:
        arrays = []
        for type_ in kind.columns.values():
            number += 1
            arrays.append(f"${number}::{type_}[]")
        rows = f"unnest({', '.join(arrays)}) AS given ({', '.join(kind.columns)})"
        parts.append(kind.text.replace("{rows}", rows))
    events = f"{parts.pop()} RETURNING id" if kinds[-1] is ADD_EVENT else ""
    others = ", ".join(f"part_{number} AS ({part})" for number, part in enumerate(parts))
    nothing = "SELECT NULL AS id WHERE false"
    return f"WITH {others} {events or nothing}" if others else events


def parameters(kinds: Mapping[Writing, Sequence[NamedValues]]) -> list[list[object]]:
    """Return the parameters of `writing` for these rows."""
    return [[row[name] for row in rows] for kind, rows in kinds.items() for name in kind.columns]


TRY_TO_LEAD: Final = "SELECT pg_try_advisory_xact_lock(:service, :lock) AS leads"
# Only one transaction at a time reads and writes sightings: the third of LOCKS_OF_THE_SERVICE.
LOCK_SIGHTINGS: Final = "SELECT pg_advisory_xact_lock(1634497646, 3)"
