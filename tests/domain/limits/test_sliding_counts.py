"""Sliding counts, in bounded memory and at constant cost."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from app.domain.limits.networks import networks_of
from app.domain.limits.sliding_counts import EMPTIED_AT_ONCE, SlidingCounts

WINDOW_S = 60


def counts(names_max: int = 1000) -> SlidingCounts:
    return SlidingCounts(window_s=WINDOW_S, names_max=names_max)


@given(hits=st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 90)), max_size=60))
def test_it_counts_as_two_fixed_windows_do(hits: list[tuple[str, float]]) -> None:
    """The model keeps every hit for ever."""
    table, kept, now_s = counts(), Counter[tuple[str, int]](), 0.0

    for name, pause_s in hits:
        now_s += pause_s
        table.add(name, now_s)
        kept[name, int(now_s // WINDOW_S)] += 1
        window = int(now_s // WINDOW_S)
        for each in "abc":
            counted = table.of(each, now_s)
            assert (counted.current, counted.previous) == (
                kept[each, window],
                kept[each, window - 1],
            )
            assert 0 <= counted.part < 1


def test_the_window_before_fades_evenly() -> None:
    table = counts()
    for _ in range(8):
        table.add("a", 0)

    assert [table.of("a", now_s).sum for now_s in (59, 60, 75, 90, 105, 120)] == [8, 8, 6, 4, 2, 0]


def steps_of_a_hit(tracked: int) -> int:
    """The most that one hit touches, over three windows, with so many names in each."""
    table, most = counts(names_max=tracked), 0
    for number in range(3 * tracked):
        before = table.steps
        table.add(f"name {number}", number * WINDOW_S / tracked)
        most = max(most, table.steps - before)
    return most


def test_a_hit_costs_the_same_however_many_names_there_are() -> None:
    assert steps_of_a_hit(100) == steps_of_a_hit(20_000) == 1 + EMPTIED_AT_ONCE


def test_each_question_and_each_hit_touches_one_name_if_nothing_is_to_be_emptied() -> None:
    table = counts()
    steps = [table.steps]
    for act in (table.of, table.add, table.of):
        act("a", 0)
        steps.append(table.steps)

    assert steps == [0, 1, 2, 3]


def test_no_more_names_are_kept_than_allowed_and_old_tables_are_emptied_in_passing() -> None:
    table = counts(names_max=100)
    for number in range(1000):
        table.add(f"name {number}", 0)
    assert len(table) == 100

    for number in range(1000):
        table.add(f"name {number}", (number // 100) * WINDOW_S)

    assert len(table) <= 300


def test_after_a_long_silence_nothing_is_counted_and_all_is_let_go_step_by_step() -> None:
    table = counts()
    for number in range(100):
        table.add(f"name {number}", 0)

    assert table.of("name 1", 10 * WINDOW_S).sum == 0
    for _ in range(100 // EMPTIED_AT_ONCE + 4):
        table.of("name 1", 10 * WINDOW_S)

    assert len(table) == 0


def test_a_forgotten_client_still_counts_as_part_of_its_network() -> None:
    table = counts(names_max=30)
    mine = networks_of("192.0.2.1")
    for name in mine:
        table.add(name, 0)

    for number in range(2, 250):
        for name in networks_of(f"192.0.2.{number}"):
            table.add(name, 0)

    assert [table.of(name, 0).current for name in mine] == [0, 249]
