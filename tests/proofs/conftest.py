import pytest

from tests.proofs.sizes import TELLS_FIGURES

FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> list[str]:
    """Lines to be shown at the end of a run that was asked for more than the ordinary."""
    return request.config.stash.setdefault(FIGURES, [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    lines = config.stash.get(FIGURES, [])
    if lines and TELLS_FIGURES:
        terminalreporter.section("figures of the proofs")
        for line in lines:
            terminalreporter.write_line(line)
