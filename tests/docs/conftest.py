from collections.abc import Iterator

import pytest

from tests.support.docs.running import Demo, running_demo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`altan-checkout demo`, once for all of README."""
    with running_demo(tmp_path_factory.mktemp("demo")) as demo:
        yield demo
