"""The webhook endpoint in the test's process, and as a separate process."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.adapters.database.sqlite.database import SqliteDatabase
from tests.support.builders import Service, in_process
from tests.support.processes import BOUND_BY_FILE_MODES, ServiceProcess, running_process
from tests.support.webhook_endpoint import webhooks_over


@pytest.fixture
async def endpoint(database: SqliteDatabase, database_path: Path) -> AsyncIterator[Service]:
    """The endpoint without a socket, for what no socket can change."""
    async with in_process(webhooks_over(database)) as client:
        yield Service(client, database_path)


@pytest.fixture
async def process(database_path: Path) -> AsyncIterator[ServiceProcess]:
    async with running_process(database_path.parent, BOUND_BY_FILE_MODES) as process:
        yield process
