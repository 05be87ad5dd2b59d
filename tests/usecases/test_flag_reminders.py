"""The owner is reminded of a dispute before its time is over; the job that does it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytest

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from app.domain.errors import StorageUnavailableError
from app.domain.payments.flags import Flag
from app.usecases.flag_memory import FlagMemory, ReportedCause
from app.usecases.orders import FlagCause, OrderBook
from tests.support.builders import (
    NOW_S,
    SESSION_ID,
    event,
    until,
)
from tests.support.flag_shop import DAY_S, DISPUTED, DUE, Shop
from tests.support.recording import NOW_MS, record
from tests.support.stripe_objects import dispute

pytestmark = pytest.mark.anyio


@pytest.fixture
def shop(database: SqliteDatabase | PostgresDatabase) -> Shop:
    return Shop(database)


# --- reminders


async def test_a_dispute_is_told_again_when_half_of_its_time_has_passed(
    shop: Shop, database: SqliteDatabase | PostgresDatabase
) -> None:
    await shop.hear(event(), DISPUTED)
    restarted = Shop(database, clock=shop.clock)

    shop.clock.ms += 5 * DAY_S * 1000 - 1
    await restarted.remind()
    early = list(restarted.told)
    shop.clock.ms += 1
    await asyncio.gather(restarted.remind(), shop.remind())
    await restarted.remind()

    assert early == []
    assert [*restarted.told, *shop.told[1:]] == [
        (
            f"{SESSION_ID} is still disputed (dp_1), and half of the time is over: answer it in "
            "Stripe's dashboard by 2025-10-19, or accept it; do not ship it"
        )
    ]


@pytest.mark.parametrize("status", ["under_review", "won", "lost"])
async def test_of_a_dispute_that_is_answered_or_over_nobody_is_reminded(
    shop: Shop, status: str
) -> None:
    await shop.hear(event(), DISPUTED)
    later = dispute(status=status, evidence_details=DUE)
    await shop.hear(event("charge.dispute.updated", later, id="evt_d2"))

    shop.clock.ms += 6 * DAY_S * 1000
    await shop.remind()

    assert len(shop.told) == 1


async def test_a_deadline_that_was_moved_moves_the_reminder(shop: Shop) -> None:
    await shop.hear(event(), DISPUTED)
    later = dispute(evidence_details={"due_by": NOW_S + 20 * DAY_S})
    await shop.hear(event("charge.dispute.updated", later, id="evt_d2"))

    shop.clock.ms += 6 * DAY_S * 1000
    await shop.remind()
    early = shop.told[1:]
    shop.clock.ms += 5 * DAY_S * 1000
    await shop.remind()

    assert early == []
    assert "by 2025-10-29" in shop.told[1]


async def test_a_deadline_that_has_passed_is_not_reminded_of(shop: Shop) -> None:
    late = dispute(evidence_details={"due_by": NOW_S - 1})
    await shop.hear(event(), event("charge.dispute.created", late, id="evt_d1"))

    shop.clock.ms += DAY_S * 1000
    await shop.remind()

    assert len(shop.told) == 1


async def test_of_an_order_that_is_gone_nobody_is_reminded(shop: Shop) -> None:
    cause = FlagCause(order_id="cs_test_gone", flag=Flag.DISPUTED, cause="dp_1")
    gone = ReportedCause(cause=cause, told_at_ms=NOW_MS, remind_at_ms=NOW_MS)
    assert await shop.database.report_flags([gone]) == [cause]

    await shop.remind()

    assert shop.told == []
    assert await shop.database.due_reminders(now_ms=NOW_MS, limit=5) == []


# --- the jobs


@pytest.mark.parametrize("page", [1, 200])
async def test_the_job_reports_what_is_left_and_what_is_new(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr("app.usecases.report_flags.PAGE", page)
    await record(shop.database, event(), DISPUTED)
    job = asyncio.create_task(shop.tell.run())
    try:
        await until(lambda: len(shop.told) == 1)
        second = event("charge.dispute.created", dispute(id="dp_2"), id="evt_d2")
        await record(shop.database, second, on_change=shop.tell.changed)
        await until(lambda: len(shop.told) == 2)
    finally:
        job.cancel()


@dataclass
class _FailingChecks:
    """A database that cannot list flagged sessions; `book` is what it reads."""

    database: SqliteDatabase | PostgresDatabase
    times: int = 0
    book: OrderBook | None = None

    async def read_orders(self, look: Callable[[OrderBook], Awaitable[Any]]) -> object:
        async def look_here(book: OrderBook) -> object:
            self.book = book
            return await look(cast("OrderBook", self))

        return await self.database.read_orders(look_here)

    async def flagged_sessions(self, **_: object) -> Sequence[str]:
        self.times += 1
        raise StorageUnavailableError("too slow")

    def __getattr__(self, name: str) -> object:
        return getattr(self.book if hasattr(self.book, name) else self.database, name)


async def test_a_check_of_all_that_fails_waits_for_its_turn_while_new_flags_are_reported(
    shop: Shop,
) -> None:
    failing = _FailingChecks(shop.database)
    shop.tell.memory = cast("FlagMemory", failing)
    job = asyncio.create_task(shop.tell.run())
    try:
        await until(lambda: failing.times == 1)
        await record(shop.database, event(), DISPUTED, on_change=shop.tell.changed)
        await until(lambda: len(shop.told) == 1)
        second = event("charge.dispute.created", dispute(id="dp_2"), id="evt_d2")
        await record(shop.database, second, on_change=shop.tell.changed)
        await until(lambda: len(shop.told) == 2)
    finally:
        job.cancel()

    assert failing.times == 1


async def test_the_job_reminds(shop: Shop) -> None:
    await shop.hear(event(), DISPUTED)
    shop.clock.ms += 6 * DAY_S * 1000
    job = asyncio.create_task(shop.remind.run())
    try:
        await until(lambda: len(shop.told) == 2)
    finally:
        job.cancel()


async def test_an_unreadable_change_is_reported_later(shop: Shop) -> None:
    class Broken:
        async def read_orders(self, _: object) -> object:
            raise StorageUnavailableError("no disk")

    await record(shop.database, event(), DISPUTED, on_change=shop.tell.changed)
    shop.tell.memory = Broken()  # type: ignore[assignment]

    with pytest.raises(StorageUnavailableError):
        await shop.tell()
    shop.tell.memory = shop.database
    await shop.tell()

    assert len(shop.told) == 1
