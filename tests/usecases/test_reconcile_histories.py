"""Whatever is lost on the way, and in whatever order the rest comes: it ends as if all had come."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.adapters.database.sqlite.database import SqliteDatabase
from app.databases import AnyDatabase
from app.domain.payments.facts import PaymentFacts
from app.domain.stripe_events.event import EventFilter
from app.domain.stripe_events.registered import REGISTERED_TYPES
from app.usecases.reconcile import Look, Reconcile
from tests.support.builders import ACCOUNT, Document, FixedClock, SilentAlarm
from tests.support.recording import payments, record
from tests.support.strategies import histories
from tests.support.stripe_account import StripeAccount

pytestmark = pytest.mark.anyio  # which awaits what hypothesis calls

LOST_OF_TEN = 3


@pytest.fixture
async def whole(migrated_path: Path, tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    """The database of a service to which every event comes, once and in order."""
    path = tmp_path / "whole.db"
    shutil.copyfile(migrated_path, path)
    database = SqliteDatabase(path, SilentAlarm())
    yield database
    await database.close()


@st.composite
def lossy(draw: st.DrawFn) -> tuple[list[Document], list[Document]]:
    """All events of a history, and those that come: some twice, in any order."""
    told = [each for each in draw(histories()) if each["type"] in REGISTERED_TYPES]
    luck = draw(st.lists(st.integers(0, 9), min_size=len(told), max_size=len(told)))
    come = [each for each, number in zip(told, luck, strict=True) if number >= LOST_OF_TEN]
    again = draw(st.lists(st.sampled_from(come), max_size=3)) if come else []
    return told, draw(st.permutations([*come, *again]))


@given(history=lossy())
@hypothesis_settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_any_history_with_losses_ends_as_the_one_without(
    database: AnyDatabase, whole: SqliteDatabase, history: tuple[list[Document], list[Document]]
) -> None:
    """Histories pile up in both databases: they share ids, so that payments have long pasts."""
    told, come = history
    for document in come:
        await record(database, document)
    for document in told:
        await record(whole, document)
    delivered = {str(document["id"]) for document in come}
    stripe = StripeAccount(events_held=list(told), delivered=delivered)

    result = await reconcile(database, stripe)(Look(since_s=0))
    await reconcile(whole, StripeAccount())(Look(since_s=0))

    assert result.has_all_events
    assert await facts_of(database) == await facts_of(whole)


def reconcile(database: AnyDatabase, stripe: StripeAccount) -> Reconcile:
    return Reconcile(
        database=database,
        store=database,
        stripe=stripe,
        event_filter=EventFilter(ACCOUNT, None),
        clock=FixedClock(),
        alarm=SilentAlarm(),
        on_change=lambda _: None,
    )


async def facts_of(database: AnyDatabase) -> dict[str, PaymentFacts]:
    return {id_: payment.facts for id_, payment in (await payments(database)).items()}
