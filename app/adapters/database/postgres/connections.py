"""A few connections to PostgreSQL, opened when they are needed and dropped when they are doubted.

Rather than asyncpg's own pool: that one sends a reset query on every release and hides which
connections it trusts. Here a connection is clean when it is given back, or it is not given back.
"""

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

import asyncpg

from app.adapters.database.postgres.errors import DRIVER_ERRORS

# Every wait ends before the inbox's 8 s, for the batch under way and for the one behind it: a lock,
# then a statement, then the whole act, which may be several statements and a new connection.
LOCK_TIMEOUT_S: Final = 2.0
STATEMENT_TIMEOUT_S: Final = 3.0
ACT_TIMEOUT_S: Final = 3.5
IDLE_IN_TRANSACTION_TIMEOUT_S: Final = 10.0  # we have gone without a word, and our locks must go
CONNECT_TIMEOUT_S: Final = 2.0
CLOSE_TIMEOUT_S: Final = 5.0
IDLE_MAX_S: Final = 120.0  # then a firewall between may have forgotten it, and would say nothing

_NAME: Final = {"application_name": "altan-checkout"}
_LIMITS: Final = {
    "lock_timeout": str(int(LOCK_TIMEOUT_S * 1000)),
    "statement_timeout": str(int(STATEMENT_TIMEOUT_S * 1000)),
    "idle_in_transaction_session_timeout": str(int(IDLE_IN_TRANSACTION_TIMEOUT_S * 1000)),
    # A plan that was made while the tables were empty is kept while they grow, and would read
    # them whole: 9 ms instead of 0.2 after 5,000 events. Every statement here has its index.
    "enable_seqscan": "off",
    "jit": "off",  # our statements take less time than compiling them would
}

if TYPE_CHECKING:  # generic for type checkers alone
    _DriverConnection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    _DriverConnection = asyncpg.Connection


class Connection(_DriverConnection):
    """A server's session of our own: it keeps our settings, and the statements it has prepared."""

    begin_with: ClassVar[str] = ""  # SQL that follows each BEGIN


class PooledConnection(Connection):
    """A connection through a pooler such as PgBouncer, or one that must work with and without.

    Between two transactions another server session may take its place. So it prepares no statement
    by name, each transaction brings its settings, and nothing is asked outside of one.
    """

    begin_with: ClassVar[str] = "".join(f"SET LOCAL {n} = {v};" for n, v in _LIMITS.items())


async def connect(url: str, kind: type[Connection] = Connection, **settings: str) -> Connection:
    """A connection with our limits on it; `settings` replace some, where sessions keep them.

    Raises:
        DRIVER_ERRORS: there is none to be had.
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
    except Exception as error:  # asyncpg's SCRAM raises plain ones
        raise ConnectionError(f"PostgreSQL cannot be talked to: {error}") from error


async def kind_of(url: str) -> type[Connection]:
    """Whether a pooler stands between us and the server.

    A server greets with the number of the very process that will answer; a pooler cannot know it,
    and gives one of its own making (PostgreSQL: protocol-message-formats, BackendKeyData).

    Raises:
        DRIVER_ERRORS: there is no connection to be had.
    """
    connection = await connect(url, PooledConnection)
    try:
        async with connection.transaction():
            answering: int = await connection.fetchval("SELECT pg_backend_pid()")
        return Connection if answering == connection.get_server_pid() else PooledConnection
    finally:
        await connection.close(timeout=CLOSE_TIMEOUT_S)


class ConnectionPool:
    """At most `size` connections; the one that was used last is used next, as it is warm."""

    def __init__(self, url: str, size: int) -> None:
        self._url = url
        self._size = size
        self._free_places = asyncio.Semaphore(size)
        self._idle: list[tuple[Connection, float]] = []
        self._is_closed = False
        self._kind: type[Connection] | None = None

    async def take(self) -> Connection:
        """A connection of one's own, until it is given back.

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
        """The connection is clean, or it is closed."""
        if self._is_closed:
            connection.terminate()
        elif not connection.is_closed():
            self._idle.append((connection, time.monotonic()))
        self._free_places.release()

    def doubt(self) -> None:
        """Trust no idle connection: what broke one may have broken all."""
        idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.terminate()

    async def close(self) -> None:
        """Let what was begun finish, and let all connections go."""
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
