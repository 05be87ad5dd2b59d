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
from tests.support.builders import ACCOUNT, NOW_S, Document, FixedClock, SilentAlarm
from tests.support.recording import payments, record
from tests.support.strategies import histories
from tests.support.stripe_account import StripeAccount
from tests.support.stripe_states import READABLE, notice_of, objects_after, with_own_ids

FEW = hypothesis_settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

pytestmark = pytest.mark.anyio  # which awaits what hypothesis calls

LOST_OF_TEN = 3
NEVER_MADE_OF_TEN = 5  # together with the lost ones


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


@st.composite
def never_made(draw: st.DrawFn) -> tuple[list[Document], list[Document], list[Document]]:
    """All events of a history, those that Stripe made, and those that come, with notices.

    No two are of the same second, where an object's state and its events may disagree.
    """
    told = with_own_ids([each for each in draw(histories()) if each["type"] in REGISTERED_TYPES])
    told = [each | {"created": NOW_S + number} for number, each in enumerate(told)]
    luck = draw(st.lists(st.integers(0, 9), min_size=len(told), max_size=len(told)))
    made, come = list[Document](), list[Document]()
    for each, number in zip(told, luck, strict=True):
        is_readable = each["data"]["object"]["object"] in READABLE
        if is_readable and LOST_OF_TEN <= number < NEVER_MADE_OF_TEN:
            come.append(notice_of(each))
            continue
        made.append(each)
        if number >= LOST_OF_TEN:
            come.append(each)
    return told, made, draw(st.permutations(come))


@pytest.mark.thorough
@given(history=never_made())
@FEW
async def test_any_history_with_events_never_made_ends_in_the_same_state(
    database: AnyDatabase,
    whole: SqliteDatabase,
    history: tuple[list[Document], list[Document], list[Document]],
) -> None:
    """Times and details may differ: an object tells its state, and not when it came to it."""
    told, made, come = history
    for document in come:
        await record(database, document)
    for document in told:
        await record(whole, document)
    delivered = {str(document["id"]) for document in come}
    stripe = StripeAccount(
        events_held=list(made), delivered=delivered, objects=dict(objects_after(told))
    )

    await reconcile(database, stripe, now_s=NOW_S + 3600)(Look(since_s=0))

    ours = {str(each["data"]["object"]["id"]) for each in told}
    assert await states_of(database, ours) == await states_of(whole, ours)


@pytest.mark.thorough
@given(history=lossy())
@FEW
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


def reconcile(database: AnyDatabase, stripe: StripeAccount, *, now_s: int = NOW_S) -> Reconcile:
    return Reconcile(
        database=database,
        store=database,
        stripe=stripe,
        event_filter=EventFilter(ACCOUNT, None),
        clock=FixedClock(ms=now_s * 1000),
        alarm=SilentAlarm(),
        on_change=lambda _: None,
    )


async def facts_of(database: AnyDatabase) -> dict[str, PaymentFacts]:
    return {id_: payment.facts for id_, payment in (await payments(database)).items()}


async def states_of(database: AnyDatabase, session_ids: set[str]) -> dict[str, object]:
    """What a shop acts on, of each of these sessions."""
    facts = await facts_of(database)
    return {
        session_id: (
            each.status,
            each.amount_total_minor,
            each.amount_refunded_minor,
            each.renewals_paid,
            each.subscription and each.subscription.status,
        )
        for session_id, each in facts.items()
        if session_id in session_ids
    }
