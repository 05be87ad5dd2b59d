from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.browser.chromium import NoChromiumError, running_chromium
from tests.support.browser.figures import Figures
from tests.support.browser.own_page import OwnPage, PageServer, running_page_server
from tests.support.browser.running import RunningDemo, running_demo
from tests.support.browser.visitors import Visitors
from tests.support.browser.watch import Watch
from tests.support.builders import DEADLINE_S

FIGURES = pytest.StashKey[Figures]()


@pytest.fixture(scope="package")
def anyio_backend() -> str:
    """One event loop for the folder, for the browser lives as long."""
    return "asyncio"


@pytest.fixture(scope="package")
async def browser() -> AsyncIterator[Browser]:
    try:
        async with running_chromium() as browser:
            expect.set_options(timeout=DEADLINE_S * 1000)
            yield browser
    except NoChromiumError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    """The shop, the sandbox and the service. Whoever stops the service starts it again."""
    with running_demo(tmp_path_factory.mktemp("demo")) as demo:
        yield demo


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Fails the test whose pages did what no page may do, unless the test says so before."""
    watch = Watch()
    yield watch
    watch.assert_clean()


@pytest.fixture
async def visitors(browser: Browser, watch: Watch) -> AsyncIterator[Visitors]:
    visitors = Visitors(browser, watch)
    yield visitors
    await visitors.leave()


@pytest.fixture
async def page(visitors: Visitors) -> Page:
    """An empty page of an ordinary visitor."""
    return await visitors.new()


@pytest.fixture(scope="package")
async def page_server() -> AsyncIterator[PageServer]:
    async with running_page_server() as server:
        yield server


@pytest.fixture
def own_page(page_server: PageServer) -> OwnPage:
    """A good page, until the test makes it worse."""
    return page_server.new_page()


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> Figures:
    return request.config.stash.setdefault(FIGURES, Figures())


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    figures = config.stash.get(FIGURES, None)
    if figures and figures.lines:
        terminalreporter.section("figures of the browser tests")
        for line in figures.lines:
            terminalreporter.write_line(line)
