"""Looks at Stripe follow each other: by one process, with pauses, and with what is remembered."""

from typing import Any

import pytest

from app.usecases.keep_reconciled import (
    DAY_S,
    OVERLAP_S,
    PAUSE_MAX_S,
    RETRY_AFTER_MAX_S,
)
from app.usecases.ports import AlertName
from app.usecases.read_back import ENDED_MS, QUIET_MS
from app.usecases.reconcile import AGE_MAX_S
from app.usecases.reconciliation import ReconciliationState
from app.usecases.stripe_reads import (
    StripeKeyRefusedError,
    StripeRateLimitedError,
)
from tests.support.builders import (
    NOW_S,
    SESSION_ID,
    FixedClock,
    SilentAlarm,
    event,
    session,
)
from tests.support.checks_at_stripe import DOWN, EVERY_S, Setting
from tests.support.recording import keep as keep_rows
from tests.support.recording import payment_of
from tests.support.stores import CHECKOUT

FAR_MS = 2 * NOW_S * 1000


@pytest.fixture
def setting(database: Any, clock: FixedClock, alarm: SilentAlarm) -> Setting:  # noqa: ANN401 as above
    return Setting(database, clock, alarm)


async def test_the_first_look_and_one_a_day_go_as_far_back_as_stripe_does(
    setting: Setting,
) -> None:
    keep = setting.keep()
    passed_s = [0, 300, 600, DAY_S, DAY_S + 300]
    for at_s in passed_s:
        setting.clock.ms = (NOW_S + at_s) * 1000
        assert await keep() == EVERY_S

    backward = [
        NOW_S + at - since for at, since in zip(passed_s, setting.looked_since(), strict=True)
    ]
    later = OVERLAP_S + 300
    assert backward == [AGE_MAX_S, later, later, AGE_MAX_S, later]


async def test_what_is_remembered_survives_a_restart(setting: Setting) -> None:
    await setting.keep("one")()
    setting.clock.ms += (int(EVERY_S) + 1) * 1000

    await setting.keep("two")()

    assert setting.looked_since()[1] == NOW_S - OVERLAP_S
    now_ms = setting.clock.ms
    assert await setting.database.reconciliation_state() == ReconciliationState(
        looked_until_s=now_ms // 1000,
        whole_look_at_ms=NOW_S * 1000,
        open_until_ms=now_ms - QUIET_MS,
        ended_until_ms=now_ms - ENDED_MS,
        notices_until_ms=now_ms,
    )


async def test_a_failed_look_is_made_again_from_where_it_began(setting: Setting) -> None:
    keep = setting.keep()
    await keep()
    setting.clock.ms += 2 * DAY_S // 4 * 1000
    setting.stripe.failures = [DOWN]
    await keep()

    await keep()

    assert setting.looked_since()[1:] == [NOW_S - OVERLAP_S] * 2


async def test_after_a_clock_that_was_ahead_all_is_looked_at_again_by_any_process(
    setting: Setting,
) -> None:
    setting.clock.ms += 40 * DAY_S * 1000
    await setting.keep("one")()
    setting.clock.ms -= 40 * DAY_S * 1000
    await keep_rows(setting.database, CHECKOUT)
    setting.stripe.objects[SESSION_ID] = session()
    setting.clock.ms += QUIET_MS

    await setting.keep("two")()

    now_ms = setting.clock.ms
    assert setting.looked_since()[1] == now_ms // 1000 - AGE_MAX_S
    assert setting.looked[-1] == now_ms // 1000
    assert (await payment_of(setting.database)).facts.paid
    assert await setting.database.reconciliation_state() == ReconciliationState(
        looked_until_s=now_ms // 1000,
        whole_look_at_ms=now_ms,
        open_until_ms=now_ms - QUIET_MS,
        ended_until_ms=now_ms - ENDED_MS,
        notices_until_ms=now_ms,
    )


async def test_of_two_processes_one_looks(setting: Setting) -> None:
    one, two = setting.keep("one"), setting.keep("two")
    await one()
    asked = len(setting.stripe.asked)

    assert await two() == EVERY_S
    assert len(setting.stripe.asked) == asked


async def test_the_other_one_takes_over_when_the_leader_is_gone(setting: Setting) -> None:
    await setting.database.lead_reconciliation(
        "dead", now_ms=NOW_S * 1000, until_ms=NOW_S * 1000 + 7, latest_ms=FAR_MS
    )
    two = setting.keep("two")
    setting.clock.ms += 7
    await two()
    before = list(setting.stripe.asked)
    setting.clock.ms += 1

    await two()

    assert before == []
    assert setting.stripe.asked


async def test_who_was_replaced_meanwhile_keeps_nothing(setting: Setting) -> None:
    now_ms = NOW_S * 1000
    await setting.database.lead_reconciliation(
        "late", now_ms=now_ms, until_ms=now_ms - 1, latest_ms=FAR_MS
    )
    await setting.keep("two")()

    await setting.database.keep_reconciliation(
        "late", ReconciliationState(looked_until_s=1), until_ms=now_ms
    )

    assert (await setting.database.reconciliation_state()).looked_until_s == NOW_S


async def test_the_pause_doubles_with_each_failure_and_ends_with_the_first_success(
    setting: Setting,
) -> None:
    keep = setting.keep()
    setting.stripe.failures = [DOWN] * 9

    pauses_s = [await keep() for _ in range(10)]

    assert pauses_s == [5, 10, 20, 40, 80, 160, PAUSE_MAX_S, PAUSE_MAX_S, PAUSE_MAX_S, EVERY_S]


async def test_a_failure_does_not_slow_down_who_looks_often_at_once(setting: Setting) -> None:
    setting.stripe.failures = [DOWN]

    assert await setting.keep(every_s=1)() == 1


@pytest.mark.parametrize(("asked_s", "pause_s"), [(7, 7), (0, 0), (99_999, RETRY_AFTER_MAX_S)])
async def test_what_stripe_asks_us_to_wait_wins(
    setting: Setting, asked_s: int, pause_s: float
) -> None:
    setting.stripe.failures = [StripeRateLimitedError("words", retry_after_s=asked_s)]

    assert await setting.keep()() == pause_s


async def test_a_refused_key_alerts_with_the_right_until_it_is_taken(setting: Setting) -> None:
    keep = setting.keep()
    words = "the key lacks the right rak_event_read"
    setting.stripe.failures = [StripeKeyRefusedError(words), DOWN]

    await keep()
    await keep()
    told, ended = list(setting.alarm.told), list(setting.alarm.ended)
    await keep()

    assert told == [(AlertName.STRIPE_KEY_REFUSED, words)]
    assert ended == []
    assert AlertName.STRIPE_KEY_REFUSED in setting.alarm.ended


@pytest.mark.parametrize(
    ("missed", "words"),
    [
        (1, "1 event was not delivered and was fetched from Stripe; it is of"),
        (3, "3 events were not delivered and were fetched from Stripe; the first is of"),
    ],
)
async def test_missed_events_alert_once_with_how_many_and_since_when(
    setting: Setting, missed: int, words: str
) -> None:
    keep = setting.keep()
    setting.stripe.events_held = [
        event(created=NOW_S - 600 + n, id=f"evt_{n}") for n in range(missed)
    ]

    await keep()
    ended = list(setting.alarm.ended)
    await keep()

    assert setting.alarm.told == [
        (AlertName.EVENTS_WERE_MISSED, f"{words} 2025-10-09T08:43:20.000Z")
    ]
    assert AlertName.EVENTS_WERE_MISSED not in ended
    assert AlertName.EVENTS_WERE_MISSED in setting.alarm.ended
