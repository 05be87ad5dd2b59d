import pytest

from tests.e2e.figures import Figures


def test_a_figure_is_the_median_and_the_worst_of_its_times() -> None:
    figures = Figures()
    for _ in range(3):
        with figures.time("nothing at all"):
            pass

    assert figures.lines == ["nothing at all: median 0 ms, worst 0 ms (n=3)"]


def test_what_fails_is_no_figure() -> None:
    figures = Figures()

    with pytest.raises(ZeroDivisionError), figures.time("a division"):
        _ = 1 / 0

    assert figures.lines == []


def test_a_goal_is_told_beside_what_was_measured() -> None:
    figures = Figures()
    for time_ms in (10.0, 30.0, 20.0):
        figures.add("from here to there", time_ms, goal_ms=25)

    assert figures.lines == ["from here to there: median 20 ms, worst 30 ms, goal 25 ms (n=3)"]
