"""A small pool of PostgreSQL connections, opened on demand and closed when they may be broken.

It replaces asyncpg's own pool, which sends a reset query on every release and does not show which
connections it considers good. Here, only clean connections are returned to the pool.
"""

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

import asyncpg

from app.adapters.database.postgres.errors import DRIVER_ERRORS

# Every wait ends before the inbox's 8 s, for the current batch and the next one: a lock, then a
# statement, then the whole operation, which may be several statements and a new connection.
LOCK_TIMEOUT_S: Final = 2.0
STATEMENT_TIMEOUT_S: Final = 3.0
ACT_TIMEOUT_S: Final = 3.5
IDLE_IN_TRANSACTION_TIMEOUT_S: Final = 10.0  # the client disappeared, so its locks must be released
CONNECT_TIMEOUT_S: Final = 2.0
CLOSE_TIMEOUT_S: Final = 5.0
IDLE_MAX_S: Final = 120.0  # after that, a firewall may have dropped it silently

_NAME: Final = {"application_name": "altan-checkout"}
_LIMITS: Final = {
    "lock_timeout": str(int(LOCK_TIMEOUT_S * 1000)),
    "statement_timeout": str(int(STATEMENT_TIMEOUT_S * 1000)),
    "idle_in_transaction_session_timeout": str(int(IDLE_IN_TRANSACTION_TIMEOUT_S * 1000)),
    # A plan from when the tables were empty is kept while they grow, and would scan them: 9 ms
    # instead of 0.2 after 5,000 events. Every statement here has an index.
    "enable_seqscan": "off",
    "jit": "off",  # our statements take less time than compiling them
}

if TYPE_CHECKING:  # generic only for type checkers
    _DriverConnection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    _DriverConnection = asyncpg.Connection


class Connection(_DriverConnection):
    """A server session of our own, which keeps our settings and prepared statements."""

    begin_with: ClassVar[str] = ""  # SQL that follows each BEGIN


class PooledConnection(Connection):
    """A connection through a pooler such as PgBouncer, or one that must work with and without it.

    Each transaction may run in another server session. So no statement is prepared by name, each
    transaction sets its own settings, and all queries are inside transactions.
    """

    begin_with: ClassVar[str] = "".join(f"SET LOCAL {n} = {v};" for n, v in _LIMITS.items())


async def connect(url: str, kind: type[Connection] = Connection, **settings: str) -> Connection:
    """Open a connection with our limits; `settings` replace some, if sessions keep them.

    Raises:
        DRIVER_ERRORS: it cannot be opened.
    """
    if issubclass(kind, PooledConnection):
        session: dict[str, Any] = {"server_settings": _NAME, "statement_cache_size": 0}
    else:
        session = {"server_settings": _NAME | _LIMITS | settings}
    try:
        return await asyncpg.connect(
            url, timeout=CONNECT_TIMEOUT_S, connection_class=kind, **session
        )
    except DRIVER_ERRORS:
        raise
    except Exception as error:  # asyncpg's SCRAM code raises plain ones
        raise ConnectionError(f"PostgreSQL's answer cannot be used: {error}") from error


async def kind_of(url: str) -> type[Connection]:
    """Return whether there is a pooler between us and the server.

    A server's greeting has the id of the process that will answer. A pooler cannot know it, and
    invents one (PostgreSQL: protocol-message-formats, BackendKeyData).

    Raises:
        DRIVER_ERRORS: no connection can be opened.
    """
    connection = await connect(url, PooledConnection)
    try:
        async with connection.transaction():
            answering: int = await connection.fetchval("SELECT pg_backend_pid()")
        return Connection if answering == connection.get_server_pid() else PooledConnection
    finally:
        await connection.close(timeout=CLOSE_TIMEOUT_S)


class ConnectionPool:
    """At most `size` connections; the most recently used one is used next, because it is warm."""

    def __init__(self, url: str, size: int) -> None:
        self._url = url
        self._size = size
        self._free_places = asyncio.Semaphore(size)
        self._idle: list[tuple[Connection, float]] = []
        self._is_closed = False
        self._kind: type[Connection] | None = None

    async def take(self) -> Connection:
        """Return a connection for exclusive use until it is released.

        Raises:
            DRIVER_ERRORS: there is none to be had.
        """
        await self._free_places.acquire()
        try:
            return self._take_idle() or await self._connect()
        except BaseException:
            self._free_places.release()
            raise

    def give_back(self, connection: Connection) -> None:
        """Return a clean connection to the pool, or close it."""
        if self._is_closed:
            connection.terminate()
        elif not connection.is_closed():
            self._idle.append((connection, time.monotonic()))
        self._free_places.release()

    def doubt(self) -> None:
        """Close all idle connections, because what broke one may have broken all."""
        idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.terminate()

    async def close(self) -> None:
        """Wait for running operations, and close all connections."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                for _ in range(self._size):
                    await self._free_places.acquire()
                for connection, _ in self._idle:
                    with contextlib.suppress(*DRIVER_ERRORS):
                        await connection.close()
        self._is_closed = True
        self.doubt()

    async def _connect(self) -> Connection:
        if self._kind is None:
            self._kind = await kind_of(self._url)
        return await connect(self._url, self._kind)

    def _take_idle(self) -> Connection | None:
        oldest = time.monotonic() - IDLE_MAX_S
        while self._idle:
            connection, since = self._idle.pop()
            if since >= oldest and not connection.is_closed():
                return connection
            connection.terminate()
        return None
