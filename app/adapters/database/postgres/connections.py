"""A few connections to PostgreSQL, opened when they are needed and dropped when they are doubted.

Rather than asyncpg's own pool: that one sends a reset query on every release and hides which
connections it trusts. Here a connection is clean when it is given back, or it is not given back.
"""

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Final, TypeAlias

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

if TYPE_CHECKING:  # generic for whoever checks types alone
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection


async def connect(url: str, **settings: str) -> Connection:
    """A connection with our limits on it.

    Raises:
        DRIVER_ERRORS: there is none to be had.
    """
    limits = {
        "application_name": "altan-checkout",
        "lock_timeout": _milliseconds(LOCK_TIMEOUT_S),
        "statement_timeout": _milliseconds(STATEMENT_TIMEOUT_S),
        "idle_in_transaction_session_timeout": _milliseconds(IDLE_IN_TRANSACTION_TIMEOUT_S),
        # A plan that was made while the tables were empty is kept while they grow, and would read
        # them whole: 9 ms instead of 0.2 after 5,000 events. Every statement here has its index.
        "enable_seqscan": "off",
        "jit": "off",  # our statements take less time than compiling them would
    }
    try:
        return await asyncpg.connect(
            url, timeout=CONNECT_TIMEOUT_S, server_settings=limits | settings
        )
    except DRIVER_ERRORS:
        raise
    except Exception as error:  # asyncpg's SCRAM raises plain ones
        raise ConnectionError(f"PostgreSQL cannot be talked to: {error}") from error


class ConnectionPool:
    """At most `size` connections; the one that was used last is used next, as it is warm."""

    def __init__(self, url: str, size: int) -> None:
        self._url = url
        self._size = size
        self._free_places = asyncio.Semaphore(size)
        self._idle: list[tuple[Connection, float]] = []
        self._is_closed = False

    async def take(self) -> Connection:
        """A connection of one's own, until it is given back.

        Raises:
            DRIVER_ERRORS: there is none to be had.
        """
        await self._free_places.acquire()
        try:
            return self._take_idle() or await connect(self._url)
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

    def _take_idle(self) -> Connection | None:
        oldest = time.monotonic() - IDLE_MAX_S
        while self._idle:
            connection, since = self._idle.pop()
            if since >= oldest and not connection.is_closed():
                return connection
            connection.terminate()
        return None


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))
