import itertools
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from app.adapters.database.postgres.schema import migrate_postgres
from tests.support.builders import DEADLINE_S
from tests.support.cluster.fleet import Shop
from tests.support.faults.upstream import Upstream, running_upstream
from tests.support.postgres_server import SAFE, Cluster, PostgresServer, new_server
from tests.support.wire import closed_port

MANY: Final = "1000000/minute"

_TEMPLATE: Final = "altan_replicas_template"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def safe_server() -> Iterator[PostgresServer]:
    """A server that flushes every commit, and that a test may stop and kill."""
    with new_server(SAFE) as server:
        cluster = Cluster(server.url())
        with cluster.database(_TEMPLATE) as url:
            migrate_postgres(url, name=_TEMPLATE)
            yield server
            if server.process is None:
                server.start()


@pytest.fixture
def server(safe_server: PostgresServer) -> PostgresServer:
    """The same, running."""
    if safe_server.process is None:
        safe_server.start()
    return safe_server


@pytest.fixture
def empty_url(server: PostgresServer) -> Iterator[str]:
    """A database without any table."""
    with Cluster(server.url()).database(f"empty_{os.getpid()}_{next(_numbers)}") as url:
        yield url


@pytest.fixture
def shop_url(server: PostgresServer) -> Iterator[str]:
    """A shop's database with the current schema, which its replicas share."""
    name = f"shop_{os.getpid()}_{next(_numbers)}"
    with Cluster(server.url()).database(name, template=_TEMPLATE) as url:
        yield url
        if server.process is None:
            server.start()


@pytest.fixture
def database_path(tmp_path: Path, shop_url: str) -> Path:
    """A file with its URL, for `query` to look at."""
    path = tmp_path / "checkout.url"
    path.write_text(shop_url)
    return path


@pytest.fixture
async def altan_pay() -> AsyncIterator[Upstream]:
    async with running_upstream() as upstream:
        yield upstream


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of the tests' own; `memory` where the machine has none."""
    redis = shutil.which("redis-server")
    if redis is None:
        yield "memory"
        return
    port = closed_port()
    folder = tmp_path_factory.mktemp("redis")
    process = subprocess.Popen(  # noqa: S603 found above
        [redis, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def shop(  # noqa: PLR0913, PLR0917 each is a fixture
    tmp_path: Path,
    shop_url: str,
    database_path: Path,
    migrated_path: Path,
    altan_pay: Upstream,
    redis_url: str,
) -> Shop:
    """A shop whose replicas keep a key's lease for 6 s."""
    environment = {
        "DATABASE_URL": shop_url,
        "ALTAN_PAY_URL": altan_pay.url,
        "ALTAN_PAY_TIMEOUT_S": "1",
        "RATE_LIMIT_STORAGE": redis_url,
        "RATE_LIMIT_CHECKOUT": MANY,
        "RATE_LIMIT_PRICE": MANY,
        "RATE_LIMIT_GLOBAL": MANY,
    }
    return Shop(tmp_path, environment, database_path, migrated_path)


def _wait_for(port: int) -> None:
    give_up_at = time.monotonic() + DEADLINE_S
    while time.monotonic() < give_up_at:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.01)
    raise AssertionError("redis-server did not start")
