"""One SQLite transaction, which writes row by row."""

import sqlite3
import time
from collections.abc import Collection, Iterable, Mapping, Sequence

import orjson

from app.adapters.database.commit_mark import CommitMark
from app.adapters.database.fold_sql import ADD_EVENT, CHECKOUTS, LINKS, PAYMENTS, Reading
from app.adapters.database.rows import NamedValues, Row
from app.adapters.database.sql import Writing
from app.adapters.database.sqlite.statements import for_each_row, in_sqlite, looking
from app.adapters.database.transaction import SqlTransaction
from app.usecases.outbox import NOTHING_POSTED, Posting


class SqliteTransaction(SqlTransaction):
    """The statements of one transaction. Nothing here suspends: it runs in the writer thread."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        mark: CommitMark,
        *,
        give_up_at: float,
        posting: Posting = NOTHING_POSTED,
    ) -> None:
        super().__init__(posting)
        self._connection = connection
        self._mark = mark
        self._give_up_at = give_up_at

    def execute(self, text: str, parameters: Sequence[object] = ()) -> sqlite3.Cursor:
        """Run one statement unchanged."""
        return self._connection.execute(text, parameters)

    async def ask(self, text: str, **values: object) -> Sequence[Row]:
        """Return the rows of one statement.

        Raises:
            TimeoutError: it is too late, and nobody waits for them any more.
        """
        self._require_time()
        return self._connection.execute(in_sqlite(text), bound(values)).fetchall()

    async def change(self, text: str, **values: object) -> int:
        """Run one statement; return how many rows it changed."""
        return self._connection.execute(in_sqlite(text), bound(values)).rowcount

    async def look(
        self, readings: tuple[Reading, ...], values: NamedValues
    ) -> Mapping[Reading, Sequence[Row]]:
        """Return the rows of some reads, in sequence, because each may depend on earlier ones."""
        parameters = bound(values) | {"sessions": "[]", "named": "[]"}
        found: dict[Reading, list[Row]] = {}
        for reading in readings:
            if reading is PAYMENTS:
                linked = {row["session_id"] for row in found[LINKS]}
                parameters["sessions"] = _array(linked.union(values["around"]))
            elif reading is CHECKOUTS:
                named = {row["checkout_id"] for row in found.get(PAYMENTS, ())}
                parameters["named"] = _array(named.union(values["checkout_ids"]))
            rows = self._connection.execute(looking(reading), parameters).fetchall()
            found[reading] = rows
        return found

    async def write(self, kinds: Mapping[Writing, Sequence[NamedValues]]) -> Collection[str]:
        """Write rows of some kinds, one by one; return the ids of new events."""
        new_ids: list[str] = []
        for kind, rows in kinds.items():
            text = for_each_row(kind)
            if kind is ADD_EVENT:
                new_ids += [
                    row["id"] for row in rows if self._connection.execute(text, row).rowcount
                ]
            else:
                self._connection.executemany(text, rows)
        return new_ids

    async def lock(self, object_ids: Collection[str], *, wait: bool = True) -> bool:  # noqa: ARG002
        """Do nothing: SQLite has one writer, which is this transaction."""
        return True

    async def try_to_lead(self) -> bool:
        """Return True, because SQLite has one process."""
        return True

    async def commit(self) -> None:
        """Make everything above durable: the log is synced when this returns.

        Raises:
            TimeoutError: it is too late, and nobody waits any more; nothing was committed.
        """
        self._require_time()
        self._mark.is_sent = True
        self.execute("COMMIT")

    def _require_time(self) -> None:
        if time.monotonic() >= self._give_up_at:
            raise TimeoutError("the transaction took too long")


def bound(values: NamedValues) -> NamedValues:
    """Return values for the driver: lists as JSON arrays."""
    return {
        name: value if value is None or isinstance(value, str | int | bytes) else _array(value)
        for name, value in values.items()
    }


def _array(values: Iterable[object]) -> str:
    return orjson.dumps(list(values)).decode()
