import pytest

from app.domain.notifications.tries import (
    PAUSES_S,
    TRIES_MAX,
    Answer,
    Verdict,
    next_try_ms,
    verdict_of,
)
from app.domain.retry_after import RETRY_AFTER_S_MAX

NOW_MS = 1_760_000_000_000
NO = Answer(status=500)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.TAKEN),
        (204, Verdict.TAKEN),
        (299, Verdict.TAKEN),
        (199, Verdict.AGAIN),
        (300, Verdict.AGAIN),
        (301, Verdict.AGAIN),
        (400, Verdict.AGAIN),
        (410, Verdict.GONE),
        (429, Verdict.AGAIN),
        (500, Verdict.AGAIN),
        (None, Verdict.AGAIN),
    ],
)
def test_only_2xx_is_taken_and_only_410_ends_it(status: int | None, verdict: Verdict) -> None:
    assert verdict_of(Answer(status=status)) is verdict


def test_the_pauses_are_those_of_the_contract() -> None:
    pauses = [
        next_try_ms(failures, NO, now_ms=NOW_MS, chance=0.5) for failures in range(1, TRIES_MAX + 1)
    ]

    minute, hour = 60_000, 3_600_000
    assert pauses == [
        NOW_MS + pause
        for pause in (
            5_000,
            30_000,
            5 * minute,
            30 * minute,
            2 * hour,
            5 * hour,
            10 * hour,
            14 * hour,
            20 * hour,
            24 * hour,
        )
    ] + [None]


@pytest.mark.parametrize(("chance", "part"), [(0.0, 0.8), (0.25, 0.9), (1.0, 1.2)])
@pytest.mark.parametrize("failures", range(1, TRIES_MAX))
def test_a_pause_is_spread_by_a_fifth(failures: int, chance: float, part: float) -> None:
    at_ms = next_try_ms(failures, NO, now_ms=NOW_MS, chance=chance)

    assert at_ms == NOW_MS + round(PAUSES_S[failures - 1] * part * 1000)


@pytest.mark.parametrize(("asked_s", "pause_s"), [(1, 5), (60, 60), (RETRY_AFTER_S_MAX, 86_400)])
def test_the_receiver_may_ask_for_a_longer_pause(asked_s: int, pause_s: int) -> None:
    answer = Answer(status=503, retry_after_s=asked_s)

    assert next_try_ms(1, answer, now_ms=NOW_MS, chance=0.5) == NOW_MS + pause_s * 1000


@pytest.mark.parametrize("failures", [TRIES_MAX, TRIES_MAX + 1])
@pytest.mark.parametrize("asked_s", [None, 60])
def test_after_the_last_try_there_is_none_whatever_the_receiver_asks_for(
    failures: int, asked_s: int | None
) -> None:
    answer = Answer(status=503, retry_after_s=asked_s)

    assert next_try_ms(failures, answer, now_ms=NOW_MS, chance=0.5) is None


def test_an_answer_is_told_in_words() -> None:
    assert Answer(status=503).message == "answered 503"
    assert Answer(status=None, problem="refused the connection").message == "refused the connection"
