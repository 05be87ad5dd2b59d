from collections.abc import Iterator

import pytest

from tests.support.docs.running import Demo, running_demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`altan-checkout demo` for a file's tests, which together stay below its rate limit."""
    with running_demo(tmp_path_factory.mktemp("demo")) as demo:
        yield demo
