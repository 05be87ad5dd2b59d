import pytest


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """What is written once for every database is tested on every one."""
    return str(request.param)
