import gc
import itertools
import os
import shutil
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import nullcontext
from pathlib import Path

import hypothesis
import pytest

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.postgres.schema import migrate_postgres
from app.adapters.database.sqlite.database import SqliteDatabase
from app.settings.settings import Settings
from tests.support.authorities import trust_nobody
from tests.support.builders import (
    FixedClock,
    Service,
    SilentAlarm,
    running_service,
    service_in_process,
    settings,
)
from tests.support.measuring import is_measured, unmeasured
from tests.support.migrated import migrated_file
from tests.support.postgres_server import FAST, Cluster, new_server
from tests.support.reused_database import ReusedDatabase
from tests.support.rows import open_database
from tests.support.sizes import TELLS_FIGURES

trust_nobody()

# A busy machine must not fail a test, so there are no time limits. `make quick` looks at a few
# examples of each property; `make test` at Hypothesis's hundred.
hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")
hypothesis.settings.register_profile(
    "quick", parent=hypothesis.settings.get_profile("unhurried"), max_examples=10
)

NAMES = {*Settings.model_fields, "stripe_webhook_secret"}
SETTINGS = NAMES | {name.upper() for name in NAMES}
FIGURES = pytest.StashKey[list[str]]()

_numbers = itertools.count(1)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let the garbage collector never look at what collecting makes, because all of it stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    with nullcontext() if is_measured(item.path) else unmeasured():
        return (yield)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test must not see what the developer has exported."""
    for name in SETTINGS.intersection(os.environ):
        monkeypatch.delenv(name)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def alarm() -> SilentAlarm:
    return SilentAlarm()


@pytest.fixture(scope="session")
def migrated_path() -> Path:
    """An SQLite file with the current schema; each test gets a copy."""
    return migrated_file()


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A PostgreSQL server for the whole session: the one of TEST_DATABASE_URL, or a new one."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield Cluster(url)
    else:
        with new_server(FAST) as server:
            yield Cluster(server.url())


@pytest.fixture(scope="session")
def postgres_template(postgres_cluster: Cluster) -> Iterator[str]:
    """Migrated once; each test gets a copy."""
    name = f"altan_template_{os.getpid()}"
    with postgres_cluster.database(name) as url:
        migrate_postgres(url, name=name)
        yield name


@pytest.fixture
def empty_postgres_url(postgres_cluster: Cluster) -> Iterator[str]:
    """A PostgreSQL database without any table."""
    with postgres_cluster.database(f"altan_test_{os.getpid()}_{next(_numbers)}") as url:
        yield url


@pytest.fixture
def postgres_url(postgres_cluster: Cluster, postgres_template: str) -> Iterator[str]:
    """A PostgreSQL database with the current schema."""
    name = f"altan_test_{os.getpid()}_{next(_numbers)}"
    with postgres_cluster.database(name, template=postgres_template) as url:
        yield url


@pytest.fixture(scope="session")
def reused_database(postgres_cluster: Cluster, postgres_template: str) -> Iterator[ReusedDatabase]:
    reused = ReusedDatabase(postgres_cluster, postgres_template, f"altan_reused_{os.getpid()}")
    yield reused
    reused.drop()


@pytest.fixture
def reused_postgres_url(reused_database: ReusedDatabase) -> Iterator[str]:
    """The same, in a database that other tests used before."""
    with reused_database.in_use() as url:
        yield url


@pytest.fixture
def database_kind() -> str:
    """Overridden where tests run on every database."""
    return "sqlite"


@pytest.fixture
def database_path(
    request: pytest.FixtureRequest, database_kind: str, tmp_path: Path, migrated_path: Path
) -> Path:
    """Where rows are kept under the current schema, for `query` to look at.

    An SQLite file, where `settings(tmp_path)` looks for it; or a file with a PostgreSQL URL.
    """
    if database_kind == "sqlite":
        return Path(shutil.copy(migrated_path, tmp_path / "checkout.db"))
    path = tmp_path / "checkout.url"
    path.write_text(request.getfixturevalue("reused_postgres_url"))
    return path


@pytest.fixture
async def database(
    database_path: Path, alarm: SilentAlarm
) -> AsyncIterator[SqliteDatabase | PostgresDatabase]:
    database = open_database(database_path, alarm)
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


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> list[str]:
    """Lines to print at the end of a long run (`make proofs`)."""
    return request.config.stash.setdefault(FIGURES, [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    lines = config.stash.get(FIGURES, [])
    if lines and TELLS_FIGURES:
        terminalreporter.section("figures of the proofs")
        for line in lines:
            terminalreporter.write_line(line)
