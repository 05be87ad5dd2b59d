"""The times that `altan-checkout orders list --since` takes."""

from datetime import UTC, datetime

import pytest

from app.commands.orders_since import midnight_ms, since_ms

NOW = datetime(2026, 11, 29, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("7d", datetime(2026, 11, 22, 12, 30, tzinfo=UTC)),
        ("12h", datetime(2026, 11, 29, 0, 30, tzinfo=UTC)),
        ("30m", datetime(2026, 11, 29, 12, 0, tzinfo=UTC)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T10:00:00+02:00", datetime(2026, 11, 1, 8, tzinfo=UTC)),
        ("99999d", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_time_may_be_given_in_several_ways(text: str, at: datetime) -> None:
    assert since_ms(text, NOW) == at.timestamp() * 1000


@pytest.mark.parametrize("text", ["", "7", "7w", "-1d", "2026-13-01", "123456d"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        since_ms(text, NOW)


def test_today_begins_at_midnight() -> None:
    assert midnight_ms(NOW) == datetime(2026, 11, 29, tzinfo=UTC).timestamp() * 1000
