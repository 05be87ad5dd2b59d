"""Checks against Stripe: one process makes them, and others take over."""

import asyncio
from typing import Any, cast

import pytest

from app.domain.errors import StorageUnavailableError
from app.usecases.keep_reconciled import (
    LEASE_S,
)
from app.usecases.reconciliation import ReconciliationState, ReconciliationStore
from tests.support.builders import NOW_S, FixedClock, SilentAlarm, until
from tests.support.checks_at_stripe import DOWN, EVERY_S, Setting


@pytest.fixture
def setting(database: Any, clock: FixedClock, alarm: SilentAlarm) -> Setting:  # noqa: ANN401 as above
    return Setting(database, clock, alarm)


async def test_looks_go_on_beside_the_service_whatever_fails_and_are_handed_over(
    setting: Setting,
) -> None:
    setting.stripe.failures = [DOWN]
    keep = setting.keep(every_s=0.001)
    running = asyncio.create_task(keep.run())
    await until(lambda: len(setting.looked_since()) >= 3)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    asked = len(setting.looked_since())

    await setting.keep("two")()

    assert len(setting.looked_since()) == asked + 1


async def test_a_database_that_is_down_does_not_end_the_looks(setting: Setting) -> None:
    class Down:
        """A store that is down twice: for the first look, and at the end."""

        asked = 0

        async def lead_reconciliation(self, *_: object, **__: object) -> bool:
            self.asked += 1
            if self.asked == 1:
                raise StorageUnavailableError("words")
            return False

        async def reconciliation_state(self) -> ReconciliationState:
            return ReconciliationState()

        async def leave_reconciliation(self, _: object) -> None:
            raise StorageUnavailableError("words")

    keep = setting.keep(every_s=0.001)
    down: Any = Down()
    keep.store = down
    running = asyncio.create_task(keep.run())
    await until(lambda: down.asked >= 3)
    running.cancel()
    ended = await asyncio.gather(running, return_exceptions=True)

    assert isinstance(ended[0], asyncio.CancelledError)


class Renewals:
    """A store that counts how often a process leads."""

    def __init__(self, store: Any) -> None:  # noqa: ANN401 either database
        self.store = store
        self.count = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self.store, name)

    async def lead_reconciliation(self, holder: str, **times_ms: int) -> bool:
        leads: bool = await self.store.lead_reconciliation(holder, **times_ms)
        self.count += 1
        return leads


async def test_a_long_look_stays_the_only_one(setting: Setting) -> None:
    setting.stripe.gate.clear()
    keep, renewals = setting.keep("one", renew_every_s=0.01), Renewals(setting.database)
    keep.store = cast("ReconciliationStore", renewals)
    looking = asyncio.create_task(keep())
    await until(lambda: bool(setting.stripe.asked))
    for _ in range(3):  # each time for nearly a lease
        setting.clock.ms += (LEASE_S - 1) * 1000
        enough = renewals.count + 2  # one may have begun before
        await until(lambda: renewals.count >= enough)  # noqa: B023 awaited at once
        await setting.keep("two")()

    setting.stripe.gate.set()
    await looking

    assert len(setting.looked_since()) == 1


async def test_a_look_that_dies_leaves_the_next_one_to_others_after_its_lease(
    setting: Setting,
) -> None:
    setting.stripe.gate.clear()
    looking = asyncio.create_task(setting.keep("one")())
    await until(lambda: bool(setting.stripe.asked))
    looking.cancel()
    await asyncio.wait([looking])
    setting.stripe.gate.set()

    await setting.keep("two")()
    setting.clock.ms += (LEASE_S + 1) * 1000
    await setting.keep("two")()

    assert len(setting.looked_since()) == 2


async def test_every_process_knows_until_when_events_were_checked(setting: Setting) -> None:
    setting.stripe.failures = [DOWN]
    await setting.keep("one")()
    before = list(setting.looked)
    setting.clock.ms += int(EVERY_S) * 1000

    await setting.keep("one")()
    await setting.keep("two")()

    assert before == []
    assert setting.looked == [NOW_S + EVERY_S] * 2


def test_what_began_after_the_last_look_is_not_compared_yet() -> None:
    assert ReconciliationState().compared_at_s(0) is None
    assert ReconciliationState(looked_until_s=NOW_S).compared_at_s(NOW_S * 1000) == NOW_S
    assert ReconciliationState(looked_until_s=NOW_S).compared_at_s(NOW_S * 1000 + 1) is None
