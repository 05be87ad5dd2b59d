from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.orders import OrderShop, order_shop


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """The whole service is tested on both databases."""
    return str(request.param)


@pytest.fixture
async def shop(database_path: Path) -> AsyncIterator[OrderShop]:
    """The service, with tokens."""
    async with order_shop(database_path) as shop:
        yield shop
