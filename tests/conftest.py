import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.adapters.database.migrate import migrate
from app.adapters.database.sqlite import SqliteDatabase
from app.settings import Settings
from tests.builders import (
    FixedClock,
    Service,
    SilentAlarm,
    running_service,
    service_in_process,
    settings,
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer has exported must not decide what a test sees."""
    for name in (*Settings.model_fields, "stripe_webhook_secret"):
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def alarm() -> SilentAlarm:
    return SilentAlarm()


@pytest.fixture(scope="session")
def migrated_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrated once; each test gets a copy, for migrating takes a second."""
    path = tmp_path_factory.mktemp("migrated") / "checkout.db"
    migrate(path)
    return path


@pytest.fixture
def database_path(tmp_path: Path, migrated_path: Path) -> Path:
    """An SQLite file with the current schema, where `settings(tmp_path)` looks for it."""
    return Path(shutil.copy(migrated_path, tmp_path / "checkout.db"))


@pytest.fixture
async def database(database_path: Path, alarm: SilentAlarm) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(database_path, alarm)
    yield database
    await database.close()


@pytest.fixture
async def service(database_path: Path) -> AsyncIterator[Service]:
    """The whole service on a socket, with the default settings of the tests."""
    async with running_service(settings(database_path.parent)) as service:
        yield service


@pytest.fixture
async def local_service(database_path: Path) -> AsyncIterator[Service]:
    """The same without a socket, for what no socket can change."""
    async with service_in_process(settings(database_path.parent)) as service:
        yield service
