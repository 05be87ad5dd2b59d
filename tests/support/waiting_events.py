"""Events that wait for their payment, and what wakes them."""

import asyncio
from collections.abc import Sequence
from typing import TypeVar, cast

from app.databases import AnyDatabase
from app.domain.fold.records import Wake
from app.domain.fold.waking import WAKES_AT_ONCE
from app.usecases.storage import Transaction
from app.usecases.wake_events import PASSES_AT_ONCE, WakeEvents
from tests.support.builders import (
    DEADLINE_S,
    Document,
    FixedClock,
    SilentAlarm,
    event,
)
from tests.support.recording import (
    look,
    poison,
    record,
)
from tests.support.stores import put
from tests.support.stripe_objects import refund

T = TypeVar("T")

COMPLETED = event(id="evt_completed")


def refund_event(number: int, **changes: object) -> Document:
    return event(
        "refund.created",
        refund(id=f"re_{number}", amount=1, charge=None, **changes),
        id=f"evt_{number:04}",
    )


def poison_event(id_: str = "evt_poison") -> Document:
    return event("charge.updated", poison(), id=id_)


async def record_many(database: AnyDatabase, documents: Sequence[Document]) -> None:
    for start in range(0, len(documents), 100):
        await record(database, *documents[start : start + 100])


async def left(database: AnyDatabase) -> list[Wake]:
    return list((await look(database, wakes_max=1000)).wakes)


async def until_nothing_is_left(database: AnyDatabase) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while await left(database):  # noqa: ASYNC110 a process of its own sets no event
            await asyncio.sleep(0.01)


def waker(
    database: object, alarm: SilentAlarm | None = None, *, every_s: float = 1e6
) -> WakeEvents:
    return WakeEvents(
        database=cast("AnyDatabase", database),
        clock=FixedClock(),
        alarm=alarm or SilentAlarm(),
        on_change=lambda _: None,
        every_s=every_s,
    )


async def leave_many(transaction: Transaction) -> None:
    """More than one call wakes, though nothing speaks of them."""
    count = WAKES_AT_ONCE * (PASSES_AT_ONCE + 1)
    await put(transaction, *(Wake(f"ch_{number}") for number in range(count)))
    await transaction.commit()


async def leave_pi_1(transaction: Transaction) -> None:
    await put(transaction, Wake("pi_1"))
    await transaction.commit()
