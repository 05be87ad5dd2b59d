import sys
from collections.abc import AsyncIterator, Callable

import pytest

from tests.support.faults.upstream import Upstream, running_upstream


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """One event loop for a module: its service and its upstream serve all the module's tests."""
    return "asyncio"


@pytest.fixture(scope="module")
async def upstream() -> AsyncIterator[Upstream]:
    async with running_upstream() as upstream:
        yield upstream


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Prints what was measured, though all is well: timings are told, and decide nothing."""

    def say(words: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{words}\n")

    return say
