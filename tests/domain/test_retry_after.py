"""How long a server asks us to wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.retry_after import RETRY_AFTER_S_MAX, read_retry_after

NOW_S = 1_760_000_000
DATES = st.from_regex(
    r"[A-Z][a-z]{2}, [0-9-]{1,20} [A-Z][a-z]{2} [0-9-]{1,20} [0-9:]{1,20} "
    r"([A-Z]{3}|[+-][0-9]{1,20})",
    fullmatch=True,
)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("86401", RETRY_AFTER_S_MAX),
        ("9999999999", RETRY_AFTER_S_MAX),
        ("99999999999", None),
        ("-1", None),
        ("1.5", None),
        ("", None),
        ("soon", None),
        ("Thu, 09 Oct 2025 09:01:20 GMT", 480),
        ("Thu, 09 Oct 2025 09:01:20", 480),
        ("Thu, 09 Oct 2025 11:01:20 +0200", 480),
        ("Thu, 09 Oct 2025 08:53:21 GMT", 1),
        ("Thu, 09 Oct 2025 08:53:20 GMT", None),
        ("Thu, 09 Oct 2025 08:53:10 GMT", None),
        ("Thu, 01 Jan 2099 00:00:00 GMT", RETRY_AFTER_S_MAX),
        ("Thu, 99 Oct 2025 09:01:20 GMT", None),
        ("Mon, 16 Nov 2020 13:32:02 +99999999999999", None),
        ("Mon, 16 Nov 99999999999999999999 13:32:02 +0100", None),
    ],
)
def test_a_pause_is_read_as_seconds_or_as_a_date(value: str, seconds: int | None) -> None:
    assert read_retry_after(value, now_s=NOW_S) == seconds


def test_without_the_time_no_date_is_read() -> None:
    assert read_retry_after("Thu, 09 Oct 2025 09:01:20 GMT") is None
    assert read_retry_after("120") == 120


@given(st.text() | DATES)
def test_no_header_raises_and_none_asks_for_more_than_a_day(value: str) -> None:
    seconds = read_retry_after(value, now_s=NOW_S)

    assert seconds is None or 0 <= seconds <= RETRY_AFTER_S_MAX
