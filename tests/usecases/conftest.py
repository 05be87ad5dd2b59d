import pytest

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from tests.support.notifying import PlayedReceiver
from tests.support.outbox import POSTED


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """What is written once for every database is tested on every one."""
    return str(request.param)


@pytest.fixture
def outbox(
    database: SqliteDatabase | PostgresDatabase,
) -> SqliteDatabase | PostgresDatabase:
    """A database whose notifications are posted."""
    database.posting = POSTED
    return database


@pytest.fixture
def receiver() -> PlayedReceiver:
    return PlayedReceiver()
