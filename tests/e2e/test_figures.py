from tests.support.browser.figures import Figures


def test_a_figure_is_the_median_and_the_worst_of_its_times() -> None:
    figures = Figures()
    for time_ms in (10.0, 30.0, 20.0):
        figures.add("from here to there", time_ms)

    assert figures.lines == ["from here to there: median 20 ms, worst 30 ms (n=3)"]


def test_a_goal_is_printed_next_to_the_measurement() -> None:
    figures = Figures()
    for time_ms in (10.0, 30.0, 20.0):
        figures.add("from here to there", time_ms, goal_ms=25)

    assert figures.lines == ["from here to there: median 20 ms, worst 30 ms, goal 25 ms (n=3)"]
