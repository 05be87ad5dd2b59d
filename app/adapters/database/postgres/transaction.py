"""One PostgreSQL transaction, with one statement for each set of rows."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from app.adapters.database.commit_mark import CommitMark
from app.adapters.database.fold_sql import Reading
from app.adapters.database.postgres import statements
from app.adapters.database.postgres.connections import Connection
from app.adapters.database.postgres.locks import locking
from app.adapters.database.postgres.statements import looking, numbered, parameters, writing
from app.adapters.database.rows import NamedValues, Row
from app.adapters.database.sql import Writing
from app.adapters.database.transaction import SqlTransaction
from app.domain.errors import StorageUnavailableError
from app.usecases.outbox import NOTHING_POSTED, Posting
from app.usecases.records import WebhookSighting

# Advisory locks have two numbers; the first separates ours from other programs' in one database.
LOCKS_OF_THE_SERVICE: Final = 0x616C746E  # "altn": for what only one process may do
MIGRATION_LOCK: Final = 1
LEADER_LOCK: Final = 2

TO_WRITE: Final = "BEGIN"
TO_READ: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresTransaction(SqlTransaction):
    """The statements of one transaction, which begins with the first of them."""

    def __init__(
        self,
        connection: Connection,
        mark: CommitMark,
        begin: str = TO_WRITE,
        posting: Posting = NOTHING_POSTED,
    ) -> None:
        super().__init__(posting)
        self._connection = connection
        self._mark = mark
        self._begin = begin
        self._is_begun = False

    async def execute(self, text: str, *parameters: object) -> str:
        """Run one statement; return its status, like `UPDATE 3`."""
        await self._begin_once()
        return str(await self._connection.execute(text, *parameters))

    async def fetch(self, text: str, *parameters: object) -> list[Row]:
        """Return the rows of one statement."""
        await self._begin_once()
        rows: list[Row] = await self._connection.fetch(text, *parameters)
        return rows

    async def ask(self, text: str, **values: object) -> Sequence[Row]:
        """Return the rows of one statement of `sql.py`."""
        text, names = numbered(text)
        return await self.fetch(text, *(values[name] for name in names))

    async def change(self, text: str, **values: object) -> int:
        """Run one statement of `sql.py`; return how many rows it changed."""
        text, names = numbered(text)
        ending = await self.execute(text, *(values[name] for name in names))
        return int(ending.rpartition(" ")[2])  # like `DELETE 3`

    async def look(
        self, readings: tuple[Reading, ...], values: NamedValues
    ) -> Mapping[Reading, Sequence[Row]]:
        """Return the rows of some reads, with one statement."""
        text, names = looking(readings, to_change=self._begin is TO_WRITE)
        found: dict[Reading, list[Row]] = {reading: [] for reading in readings}
        for row in await self.fetch(text, *(values[name] for name in names)):
            found[readings[row["kind"]]].append(row)
        return found

    async def write(self, kinds: Mapping[Writing, Sequence[NamedValues]]) -> Collection[str]:
        """Write rows of some kinds with one statement; return the ids of new events."""
        rows = await self.fetch(writing(tuple(kinds)), *parameters(kinds))
        return [row["id"] for row in rows]

    async def lock(self, object_ids: Collection[str], *, wait: bool = True) -> bool:
        """Lock these ids until the end, so that no other transaction folds events with them.

        This locks their stripes in numerical order, as all transactions do. It is a separate
        statement, because a statement sees what was committed when it began, not when it got its
        lock. The numbers are part of the text, so that BEGIN can be sent together with it.
        """
        if not object_ids:
            return True
        if not wait:
            rows = await self.fetch(locking("pg_try_advisory_xact_lock", object_ids))
            return all(row[0] for row in rows)
        take = locking("pg_advisory_xact_lock", object_ids)
        begin = "" if self._is_begun else f"{self._begin};{self._connection.begin_with}"
        self._is_begun = True
        await self._connection.execute(begin + take)
        return True

    async def try_to_lead(self) -> bool:
        """Return whether no other replica's transaction does housekeeping now."""
        lock = {"service": LOCKS_OF_THE_SERVICE, "lock": LEADER_LOCK}
        (row,) = await self.ask(statements.TRY_TO_LEAD, **lock)
        return bool(row["leads"])

    async def webhook_sightings(self) -> Sequence[WebhookSighting]:
        """Return when webhooks last had each outcome, locked until the end."""
        await self.ask(statements.LOCK_SIGHTINGS)
        return await super().webhook_sightings()

    async def commit(self) -> None:
        """Make everything above durable: the log is flushed when this returns."""
        if not self._is_begun:
            return
        self._mark.is_sent = not self._connection.is_closed()
        ending = await self._connection.execute("COMMIT")
        self._is_begun = False
        if ending != "COMMIT":  # this means that an earlier statement failed
            raise StorageUnavailableError("The database rolled back. Please try again.")

    async def _begin_once(self) -> None:
        """Begin the transaction with its first statement."""
        if not self._is_begun:
            self._is_begun = True
            await self._connection.execute(f"{self._begin};{self._connection.begin_with}")
