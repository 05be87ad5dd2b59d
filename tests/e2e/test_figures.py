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
