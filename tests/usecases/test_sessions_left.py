"""Undecided sessions are looked for in one day after another."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.domain.payments.status import PaymentStatus
from app.usecases.read_back import ENDED_MS, FAR_BACK_MS, LOOK_MS, QUIET_MS, READ_MAX
from app.usecases.reconcile import Check
from app.usecases.reconciliation import ReconciliationState, SessionLeft
from tests.support.builders import CHECKOUT_ID, NOW_S, FixedClock, session
from tests.support.checks_at_stripe import reconcile_of
from tests.support.recording import NOW_MS, keep
from tests.support.stores import CHECKOUT
from tests.support.stripe_account import StripeAccount

OPEN = session(status="open", payment_status="unpaid", payment_intent=None)


@dataclass
class ObservedStore:
    """A store that takes note of the time ranges of its looks."""

    inner: Any  # either database
    looks: list[tuple[int, int]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 of either database
        return getattr(self.inner, name)

    async def sessions_left(
        self, *, after_ms: int, until_ms: int, statuses: Collection[PaymentStatus], limit: int
    ) -> Sequence[SessionLeft]:
        self.looks.append((after_ms, until_ms))
        left: Sequence[SessionLeft] = await self.inner.sessions_left(
            after_ms=after_ms, until_ms=until_ms, statuses=statuses, limit=limit
        )
        return left


async def look(
    database: Any,  # noqa: ANN401 either database
    clock: FixedClock,
    state: ReconciliationState,
    stripe: StripeAccount | None = None,
) -> tuple[ReconciliationState, list[tuple[int, int]]]:
    store = ObservedStore(database)
    reconcile = reconcile_of(database, stripe or StripeAccount(), clock, store=store)
    result = await reconcile(Check(since_s=NOW_S, state=state))
    return result.state, store.looks


async def test_the_first_look_back_covers_thirty_days_one_by_one(
    database: Any,  # noqa: ANN401 either database
    clock: FixedClock,
) -> None:
    state, looks = await look(database, clock, ReconciliationState())

    silent = [(after, until) for after, until in looks if after >= clock.ms - ENDED_MS]
    ended = [each for each in looks if each not in silent]
    assert all(until - after <= LOOK_MS for after, until in looks)
    for ranges, begin, end in (
        (silent, clock.ms - ENDED_MS, clock.ms - QUIET_MS),
        (ended, clock.ms - FAR_BACK_MS, clock.ms - ENDED_MS),
    ):
        assert [after for after, _ in ranges] == [begin, *(until for _, until in ranges[:-1])]
        assert ranges[-1][1] == end
    assert (state.open_until_ms, state.ended_until_ms) == (clock.ms - QUIET_MS, clock.ms - ENDED_MS)


async def test_a_second_look_covers_only_what_is_new(
    database: Any,  # noqa: ANN401 either database
    clock: FixedClock,
) -> None:
    state, _ = await look(database, clock, ReconciliationState())
    _, at_once = await look(database, clock, state)
    clock.ms += 1000
    _, later = await look(database, clock, state)

    assert at_once == []
    assert [until - after for after, until in later] == [1000, 1000]


async def test_many_sessions_of_several_days_are_read_some_at_a_time(
    database: Any,  # noqa: ANN401 either database
    clock: FixedClock,
) -> None:
    ids = [f"cs_test_{number:03}" for number in range(2 * READ_MAX)]
    for number, session_id in enumerate(ids):
        checkout_id = f"{CHECKOUT_ID[:-4]}{number:04}"
        at_ms = NOW_MS + number * LOOK_MS // 150
        kept = replace(CHECKOUT, id=checkout_id, session_id=session_id, created_at_ms=at_ms)
        await keep(database, kept)
    clock.ms = NOW_MS + 4 * LOOK_MS
    stripe = StripeAccount(objects={each: {**OPEN, "id": each} for each in ids})

    state, reads = ReconciliationState(), []
    while state.ended_until_ms != clock.ms - ENDED_MS:
        stripe.asked.clear()
        state, _ = await look(database, clock, state, stripe)
        reads.append([question[2] for question in stripe.asked if question[0] == "read"])

    assert [each for read in reads for each in read] == ids
    assert all(len(read) < 2 * READ_MAX for read in reads)
    assert len(reads) > 1
