from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.sandbox.local_servers import (
    Service,
    config_for,
    running_sandbox,
    running_service,
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with running_service() as service:
        yield service


@pytest.fixture
async def sandbox(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with running_sandbox(config_for(service)) as sandbox:
        yield sandbox
