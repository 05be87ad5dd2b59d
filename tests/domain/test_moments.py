"""Times as JSON has them."""

from app.domain.moments import rfc3339, rfc3339_of


def test_milliseconds_are_written_in_utc() -> None:
    assert rfc3339(1_760_000_000_007) == "2025-10-09T08:53:20.007Z"
    assert rfc3339(0) == "1970-01-01T00:00:00.000Z"


def test_seconds_are_written_the_same_way_and_nothing_stays_nothing() -> None:
    assert rfc3339_of(1_760_000_000) == "2025-10-09T08:53:20.000Z"
    assert rfc3339_of(None) is None
