"""A shop, with a socket and without."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.bootstrap import create_app
from tests.support.builders import (
    Service,
    in_process,
    settings,
)
from tests.support.checkout_shop import OpenShop, Shop, makes_pages, started
from tests.support.wire import (
    Script,
    upstream,
)


@pytest.fixture
def open_shop(database_path: Path) -> OpenShop:
    """The service in this process: between it and the client lies no socket, all else is real."""

    @asynccontextmanager
    async def open_(*scripts: Script | bytes, **changes: object) -> AsyncIterator[Shop]:
        async with upstream(*(scripts or (makes_pages(),))) as altan_pay:
            folder = database_path.parent
            app = create_app(settings(folder, altan_pay_url=altan_pay.url, **changes))
            async with started(app), in_process(app) as client:
                yield Shop(Service(client, database_path), altan_pay)

    return open_


@pytest.fixture
async def shop(open_shop: OpenShop) -> AsyncIterator[Shop]:
    async with open_shop() as shop:
        yield shop
