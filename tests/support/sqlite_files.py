"""SQLite files that are slow, full, or looked into."""

import resource
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from app.adapters.database.sqlite.connection_thread import (
    LOG_BYTES_MAX,
    connect,
)
from app.adapters.database.sqlite.database import SqliteDatabase
from app.adapters.database.sqlite.transaction import SqliteTransaction
from app.usecases.storage import Transaction
from tests.support.stores import EVENT, put


async def pragma(database: SqliteDatabase, name: str) -> object:
    """What the writer's own connection has been set to."""

    async def ask(transaction: Transaction) -> object:
        assert isinstance(transaction, SqliteTransaction)
        return transaction.execute(f"PRAGMA {name}").fetchone()[0]

    return await database.write(ask)


def open_files(folder: Path) -> list[str]:
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    names = [link.readlink() for link in links]
    return [name.name for name in names if name.is_relative_to(folder)]


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def journal_mode_of(path: Path) -> str:
    with closing(connect(path)) as connection:
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        return str(mode)


HASTE_S = 0.5


async def fill_log(database: SqliteDatabase) -> None:
    """Write more than the log may keep."""
    payload = bytes(LOG_BYTES_MAX // 20)
    for number in range(40):

        async def add(transaction: Transaction, number: int = number) -> None:
            await put(transaction, replace(EVENT, id=f"evt_{number}", payload=payload))
            await transaction.commit()

        await database.write(add)


def log_bytes(database_path: Path) -> int:
    return database_path.with_name(f"{database_path.name}-wal").stat().st_size


@contextmanager
def full_disk() -> Iterator[None]:
    """Within it this process can make no file longer: SQLite's log cannot take another commit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
