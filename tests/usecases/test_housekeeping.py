"""Expired data is deleted in small steps; unread events are read."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import pytest
from pydantic import ValidationError

from app.databases import AnyDatabase
from app.domain.checkout.idempotency import KEY_LIFE_MS
from app.domain.fold.records import EventState
from app.usecases.housekeeping import EVERY_S, PRUNE_BATCH, Housekeeping
from app.usecases.outbox import NotificationQuery
from app.usecases.records import Claim, ClaimState
from app.usecases.storage import Transaction
from tests.support.builders import (
    SESSION_ID,
    FixedClock,
    event,
    housekeeping,
    session,
    settings,
    until,
)
from tests.support.observed import ObservedDatabase
from tests.support.recording import NOW_MS, keep, kept_event, payment_of, record, rows, states
from tests.support.stripe_objects import refund

T = TypeVar("T")

DAY_MS = 24 * 60 * 60 * 1000


@asynccontextmanager
async def kept_up(keeping: Housekeeping) -> AsyncIterator[None]:
    """Housekeeping goes on in the background, as it does beside the service."""
    running = asyncio.create_task(keeping.run())
    try:
        yield
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_payload_is_forgotten_when_its_time_is_over_and_not_before(
    database: AnyDatabase, clock: FixedClock
) -> None:
    keeping = housekeeping(database, clock, retention_days=30)
    await record(database, event())

    clock.ms = NOW_MS + 30 * DAY_MS
    kept = await keeping()
    clock.ms += 1
    forgotten = await keeping()

    assert (kept, forgotten, await keeping()) == (1, 2, 0)  # its payment; it, and what it told


async def test_only_the_payload_is_forgotten(database: AnyDatabase, clock: FixedClock) -> None:
    await record(
        database,
        event(id="evt_1"),
        event("refund.created", refund(), id="evt_2"),
        event("refund.created", refund(status="new"), id="evt_3"),
    )
    before, payment = await rows(database), await payment_of(database)
    clock.ms += 401 * DAY_MS

    await housekeeping(database, clock)()

    assert await rows(database) == {
        event_id: replace(row, payload=None) for event_id, row in before.items()
    }
    assert await payment_of(database) == payment


async def test_a_pruned_payment_can_still_be_folded_into(
    database: AnyDatabase, clock: FixedClock
) -> None:
    await record(database, event(id="evt_1"))
    clock.ms += 401 * DAY_MS
    await housekeeping(database, clock)()

    await record(database, event("refund.created", refund(), id="evt_2"), event(id="evt_1"))

    assert (await payment_of(database)).facts.amount_refunded_minor == 500
    assert (await rows(database))["evt_1"].payload is None


async def test_payloads_are_forgotten_in_batches(database: AnyDatabase, clock: FixedClock) -> None:
    await keep(
        database,
        *(
            kept_event(event(id=f"evt_{n:04}"), EventState.RECORDED)
            for n in range(2 * PRUNE_BATCH + 3)
        ),
    )
    keeping = housekeeping(database, clock)
    clock.ms += 401 * DAY_MS

    assert [await keeping() for _ in range(4)] == [500, 500, 3, 0]


async def test_only_one_replica_does_it(database: AnyDatabase, clock: FixedClock) -> None:
    @dataclass
    class Another:
        """The transaction of a replica that comes second."""

        inner: Transaction

        async def try_to_lead(self) -> bool:
            return False

    class Second(ObservedDatabase):
        async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
            return await self.inner.write(lambda inner: act(Another(inner)))  # type: ignore[arg-type]

    await record(database, event())
    clock.ms += 401 * DAY_MS

    assert await housekeeping(Second(database), clock)() == 0
    assert await housekeeping(database, clock)() == 3


async def test_keys_payloads_notifications_and_payments_are_counted_together(
    database: AnyDatabase, clock: FixedClock
) -> None:
    claim = Claim(
        key_digest="a" * 64,
        fingerprint="b" * 64,
        checkout_id="chk_" + "0" * 36,
        state=ClaimState.OPEN,
        lease_until_ms=NOW_MS,
        created_at_ms=NOW_MS,
    )

    async def take(transaction: Transaction) -> None:
        await transaction.claim(claim, dead_before_ms=NOW_MS - KEY_LIFE_MS)
        await transaction.commit()

    await database.write(take)
    await record(database, event())
    clock.ms += 401 * DAY_MS

    assert await housekeeping(database, clock)() == 4
    assert await database.find_claim(claim.key_digest) is None


async def test_notifications_are_kept_for_thirty_days_however_short_payloads_are(
    database: AnyDatabase, clock: FixedClock
) -> None:
    await record(database, event())
    keeping = housekeeping(database, clock, retention_days=1)

    clock.ms += 30 * DAY_MS
    await keeping()
    kept = await database.list_notifications(NotificationQuery())
    clock.ms += 1
    await keeping()

    assert len(kept) == 1
    assert await database.list_notifications(NotificationQuery()) == []


# --- in the background


async def test_a_round_continues_until_nothing_is_left(
    database: AnyDatabase, clock: FixedClock
) -> None:
    observed = ObservedDatabase(database)
    await keep(
        database,
        *(kept_event(event(id=f"evt_{n:04}"), EventState.RECORDED) for n in range(PRUNE_BATCH + 1)),
    )
    clock.ms += 401 * DAY_MS

    async with kept_up(housekeeping(observed, clock, every_s=0.001)):
        await until(lambda: observed.writes >= 3)  # 500, 1, and nothing

    assert all(row.payload is None for row in (await rows(database)).values())
    assert EVERY_S == 60


async def test_what_an_earlier_version_did_not_read_is_read_at_the_start(
    database: AnyDatabase, clock: FixedClock
) -> None:
    await keep(
        database,
        kept_event(event("refund.created", refund(), id="evt_1"), EventState.UNREAD),
        kept_event(event(id="evt_2"), EventState.UNREAD),
    )
    observed = ObservedDatabase(database)

    async with kept_up(housekeeping(observed, clock, every_s=0.001)):
        await until(lambda: observed.writes >= 2)  # the second begins once the first is on disk

    assert set((await states(database)).values()) == {EventState.FOLDED}
    assert (await payment_of(database)).facts.amount_refunded_minor == 500


async def test_a_round_that_fails_is_followed_by_another(
    database: AnyDatabase, clock: FixedClock
) -> None:
    observed = ObservedDatabase(database, writes_down=2)
    await record(database, event(subject=session()))
    clock.ms += 401 * DAY_MS

    async with kept_up(housekeeping(observed, clock, every_s=0.001)):
        await until(lambda: observed.writes >= 4)  # two that fail, one that finds, one that ends

    assert (await rows(database))["evt_1"].payload is None
    assert (await payment_of(database)).session_id == SESSION_ID


# --- how long


@pytest.mark.parametrize("days", [30, 400, 36_500])
def test_the_retention_may_be_from_a_month_to_a_century(tmp_path: Path, days: int) -> None:
    assert settings(tmp_path, event_retention_days=days).event_retention_days == days


@pytest.mark.parametrize("days", [29, 0, -1, 36_501, 30.5, "long"])
def test_another_retention_is_refused(tmp_path: Path, days: object) -> None:
    with pytest.raises(ValidationError):
        settings(tmp_path, event_retention_days=days)


def test_the_retention_is_four_hundred_days_where_nobody_says_otherwise(tmp_path: Path) -> None:
    assert settings(tmp_path).event_retention_days == 400
