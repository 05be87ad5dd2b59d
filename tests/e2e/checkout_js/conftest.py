from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.support.browser.shop_page import Shop, ShopPage, running_shop
from tests.support.faults.upstream import works


@pytest.fixture(scope="package")
async def drop_in_shop(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> AsyncIterator[Shop]:
    async with running_shop(tmp_path_factory.mktemp("shop"), browser) as shop:
        yield shop


@pytest.fixture
async def shop(drop_in_shop: Shop) -> Shop:
    drop_in_shop.upstream.script = works
    drop_in_shop.upstream.calls = 0
    return drop_in_shop


@pytest.fixture
async def visit(shop: Shop) -> AsyncIterator[ShopPage]:
    async with shop.visited() as visit:
        yield visit
