"""Reads the service's database, for `doctor`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.databases import AnyDatabase, open_database
from app.settings.settings import Settings
from app.usecases.ports import say_nothing

T = TypeVar("T")


def has_database(settings: Settings) -> bool:
    """Whether there is something to read: SQLite's file exists only after the first start."""
    return settings.postgres_url is not None or settings.database_path.exists()


def read_database(settings: Settings, look: Callable[[AnyDatabase], Awaitable[T]]) -> T:
    """Run `look` on the database.

    Raises:
        StorageUnavailableError: it cannot be read.
    """
    return asyncio.run(_read(settings, look))


async def _read(settings: Settings, look: Callable[[AnyDatabase], Awaitable[T]]) -> T:
    database = open_database(settings, say_nothing)
    try:
        return await look(database)
    finally:
        await database.close()
