"""Whatever is lost on the way, and in whatever order the rest comes: it ends as if all had come."""

import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import pytest
from hypothesis import HealthCheck, given, settings

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.schema import metadata
from app.adapters.database.sqlite.database import SqliteDatabase
from app.databases import AnyDatabase
from app.domain.payments.facts import PaymentFacts
from app.usecases.reconcile import Check
from app.usecases.reconciliation import ReconciliationState
from app.usecases.storage import Transaction
from tests.support.builders import CHECKOUT_ID, FixedClock, SilentAlarm
from tests.support.checks_at_stripe import reconcile_of
from tests.support.lost_events import CHECKS, Lossy, lossy, never_made
from tests.support.memory import PATIENCE_S, memory_folder
from tests.support.recording import keep, payments, record
from tests.support.sizes import EXAMPLES
from tests.support.stores import CHECKOUT
from tests.support.stripe_account import StripeAccount

if TYPE_CHECKING:
    from app.adapters.database.orders import Asks

pytestmark = pytest.mark.anyio  # which awaits what hypothesis calls

_EMPTY: Final = [f"DELETE FROM {each}" for each in reversed(metadata.sorted_tables)]  # noqa: S608 ours


def examples(number: int) -> settings:
    unfit = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(max_examples=max(number, 1), deadline=None, suppress_health_check=unfit)


@dataclass(slots=True)
class Shop:
    """A database, emptied before each history; and a clock."""

    database: AnyDatabase
    counts: Counter[str]
    clock: FixedClock = field(default_factory=FixedClock)

    async def undisturbed(self, history: Lossy) -> dict[str, PaymentFacts]:
        """What is known in the end if every event arrives, in order."""
        await self._begin(history)
        await record(self.database, *history.told)
        self.clock.ms = history.checked_at_s(CHECKS - 1) * 1000
        await self._check(StripeAccount(), ReconciliationState())
        return await self._facts()

    async def with_losses(self, history: Lossy) -> dict[str, PaymentFacts]:
        """What is known in the end if some do not, but Stripe is asked."""
        await self._begin(history)
        self.counts["histories"] += 1
        self.counts["events"] += len(history.told)
        state = ReconciliationState()
        for check in range(CHECKS):
            self.clock.ms = history.checked_at_s(check) * 1000
            for batch in history.arrivals[check]:
                self.counts["deliveries"] += len(batch)
                await record(self.database, *batch, clock=self.clock)
            state = await self._check(history.stripe_at(check), state)
        return await self._facts()

    async def _begin(self, history: Lossy) -> None:
        async def empty(transaction: Transaction) -> None:
            for statement in _EMPTY:
                await cast("Asks", transaction).change(statement)
            await transaction.commit()

        await self.database.write(empty)
        self.clock.ms = FixedClock().ms
        started = (
            replace(CHECKOUT, id=f"{CHECKOUT_ID[:-1]}{number}", session_id=session_id)
            for number, session_id in enumerate(history.session_ids, 1)
        )
        await keep(self.database, *started)

    async def _check(
        self, stripe: StripeAccount, state: ReconciliationState
    ) -> ReconciliationState:
        reconcile = reconcile_of(self.database, stripe, self.clock)
        result = await reconcile(Check(since_s=0, state=state))
        assert result.has_all_events
        return result.state

    async def _facts(self) -> dict[str, PaymentFacts]:
        return {id_: payment.facts for id_, payment in (await payments(self.database)).items()}


@pytest.fixture(scope="module")
def counts(figures: list[str]) -> Iterator[Counter[str]]:
    counts: Counter[str] = Counter()
    yield counts
    figures.append(
        f"lost events: {counts['histories']:,} random histories of {counts['events']:,} events, "
        f"{counts['deliveries']:,} of them delivered: after checks of Stripe, as if all had come"
    )


@pytest.fixture
async def on_sqlite(migrated_path: Path, counts: Counter[str]) -> AsyncIterator[Shop]:
    with memory_folder() as folder:
        path = Path(shutil.copy(migrated_path, folder))
        database = SqliteDatabase(path, SilentAlarm(), act_timeout_s=PATIENCE_S)
        yield Shop(database, counts)
        await database.close()


@pytest.fixture
async def on_postgres(reused_postgres_url: str, counts: Counter[str]) -> AsyncIterator[Shop]:
    database = PostgresDatabase(reused_postgres_url, SilentAlarm())
    yield Shop(database, counts)
    await database.close()


async def ends_with_the_same_facts(shop: Shop, history: Lossy) -> None:
    assert await shop.with_losses(history) == await shop.undisturbed(history)


async def ends_in_the_same_state(shop: Shop, history: Lossy) -> None:
    """Times and details may differ: an object tells its state, and not when it came to it."""
    told, whole = await shop.with_losses(history), await shop.undisturbed(history)
    assert states_of(told) == states_of(whole)


@given(history=lossy())
@examples(EXAMPLES)
async def test_any_history_with_losses_ends_as_the_one_without(
    on_sqlite: Shop, history: Lossy
) -> None:
    await ends_with_the_same_facts(on_sqlite, history)


@given(history=lossy())
@examples(EXAMPLES // 10)
async def test_any_history_with_losses_ends_as_the_one_without_on_postgres(
    on_postgres: Shop, history: Lossy
) -> None:
    await ends_with_the_same_facts(on_postgres, history)


@given(history=never_made())
@examples(EXAMPLES)
async def test_any_history_with_events_never_made_ends_in_the_same_state(
    on_sqlite: Shop, history: Lossy
) -> None:
    await ends_in_the_same_state(on_sqlite, history)


@given(history=never_made())
@examples(EXAMPLES // 10)
async def test_any_history_with_events_never_made_ends_in_the_same_state_on_postgres(
    on_postgres: Shop, history: Lossy
) -> None:
    await ends_in_the_same_state(on_postgres, history)


def states_of(facts: dict[str, PaymentFacts]) -> dict[str, object]:
    """What a shop acts on, of each session."""
    return {
        session_id: (
            each.status,
            each.amount_total_minor,
            each.amount_refunded_minor,
            each.renewals_paid,
            each.subscription and each.subscription.status,
        )
        for session_id, each in facts.items()
    }
