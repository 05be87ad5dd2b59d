import re
import time
from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from app.adapters.system import RandomCheckoutIds, SystemClock
from app.domain.ids import CHECKOUT_ID

TIMES_MS = st.integers(0, 2**48 - 1)


def test_the_clock_returns_the_current_milliseconds() -> None:
    before = time.time()

    now_ms = SystemClock().now_ms()

    assert before * 1000 - 1 <= now_ms <= time.time() * 1000 + 1


@settings(deadline=None)
@given(TIMES_MS)
def test_an_id_has_the_form_that_the_status_page_asks_for(now_ms: int) -> None:
    checkout_id = RandomCheckoutIds().new(now_ms)

    assert re.fullmatch(r"chk_[0-9a-v]{36}", checkout_id)
    assert CHECKOUT_ID.fullmatch(checkout_id)


@settings(deadline=None)
@given(TIMES_MS, TIMES_MS)
def test_ids_sort_as_the_times_do_at_which_they_were_made(one_ms: int, other_ms: int) -> None:
    ids = RandomCheckoutIds()

    one, other = ids.new(one_ms), ids.new(other_ms)

    assert one_ms == other_ms or (one < other) == (one_ms < other_ms)


def test_neighbouring_milliseconds_already_sort() -> None:
    ids = RandomCheckoutIds()

    made = [ids.new(now_ms) for now_ms in range(1_760_000_000_000, 1_760_000_001_000)]

    assert all(earlier < later for earlier, later in pairwise(made))


def test_ids_of_one_moment_differ_in_all_that_is_not_the_time() -> None:
    ids = RandomCheckoutIds()

    made = [ids.new(1_760_000_000_000) for _ in range(2000)]

    assert len(set(made)) == 2000
    places = list(zip(*(checkout_id[14:-1] for checkout_id in made), strict=True))
    assert len(places) * 5 >= 125  # bits, and three more share a letter at either end
    assert all(len(Counter(letters)) == 32 for letters in places)
