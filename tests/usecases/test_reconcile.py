"""Events that were not delivered are found at Stripe, and count as if they had come."""

from typing import Any

import pytest

from app.databases import AnyDatabase
from app.domain.errors import StorageUnavailableError
from app.domain.fold.records import EventState, Payment
from app.domain.payments.status import PaymentStatus
from app.domain.stripe_events.event import EventFilter
from app.domain.stripe_events.registered import REGISTERED_TYPES
from app.usecases.inspect_events import InspectEvents
from app.usecases.reconcile import TYPES_MAX, UNDER_WAY_S, Check, Reconciled
from app.usecases.record_events import ReceivedEvent, Recorded
from app.usecases.records import EventQuery, EventSource
from app.usecases.storage import Database
from app.usecases.stripe_reads import (
    Document,
    StripeKeyRefusedError,
    StripeUnavailableError,
)
from app.usecases.take_read_events import (
    PAYLOAD_BYTES_MAX,
    REASONS_MAX,
    Findings,
    TakeReadEvents,
)
from tests.support.builders import (
    ACCOUNT,
    NOW_S,
    SESSION_ID,
    FixedClock,
    event,
    session,
)
from tests.support.checks_at_stripe import reconcile_of
from tests.support.observed import ObservedDatabase
from tests.support.recording import payment_of, record, rows
from tests.support.stripe_account import StripeAccount
from tests.support.stripe_objects import refund

SINCE_S = NOW_S - 1000
PAID = event(created=NOW_S - 600)
UNPAID = event(subject=session(payment_status="unpaid"), created=NOW_S - 600)
REFUND = event("refund.created", refund(), id="evt_2", created=NOW_S - 500)


@pytest.fixture
def stripe() -> StripeAccount:
    return StripeAccount()


async def look(
    database: Database, stripe: StripeAccount, *, livemode: bool | None = None, **asked: object
) -> tuple[Reconciled, list[Payment]]:
    """One look; what it found, and what it told of changed payments."""
    told: list[Payment] = []
    store: Any = database  # either database is both
    reconcile = reconcile_of(
        database,
        stripe,
        FixedClock(),
        store=store,
        event_filter=EventFilter(ACCOUNT, livemode),
        on_change=told.extend,
    )
    return await reconcile(Check(**({"since_s": SINCE_S} | asked))), told  # type: ignore[arg-type]  # a test's own


async def test_what_was_missed_is_recorded_with_its_source(
    database: AnyDatabase, stripe: StripeAccount
) -> None:
    stripe.events_held = [REFUND, UNPAID]

    result, told = await look(database, stripe)

    assert result.findings.counts == {"seen": 2, "new": 2, "changed": 1, "failed": 0}
    assert (await payment_of(database)).facts.status is PaymentStatus.PROCESSING
    assert {row.source for row in (await rows(database)).values()} == {EventSource.LISTED}
    listed = await InspectEvents(database=database).list(EventQuery())
    assert [summary.source for summary in listed] == [EventSource.LISTED] * 2
    assert told


async def test_what_came_already_changes_nothing(
    database: AnyDatabase, stripe: StripeAccount
) -> None:
    await record(database, UNPAID)
    stripe.events_held = [UNPAID]

    result, told = await look(database, stripe)

    assert result.findings.counts == {"seen": 1, "new": 0, "changed": 0, "failed": 0}
    assert (result.missed, told) == (0, [])
    assert (await rows(database))["evt_1"].source is EventSource.WEBHOOK


async def test_delivered_events_are_looked_at_only_where_all_are_wanted(
    database: AnyDatabase, stripe: StripeAccount
) -> None:
    stripe.events_held, stripe.delivered = [PAID], {"evt_1"}

    undelivered, _ = await look(database, stripe)
    everything, _ = await look(database, stripe, only_undelivered=False)

    assert (undelivered.findings.changed, everything.findings.changed) == (set(), {SESSION_ID})


async def test_every_type_that_is_registered_is_asked_for_20_at_a_time(
    database: AnyDatabase, stripe: StripeAccount
) -> None:
    await look(database, stripe)

    groups = [types for _, types, *_ in stripe.asked if isinstance(types, tuple)]
    assert [each for types in groups for each in types] == list(REGISTERED_TYPES)
    assert max(map(len, groups)) <= TYPES_MAX


async def test_events_of_others_do_no_harm(database: AnyDatabase, stripe: StripeAccount) -> None:
    stripe.events_held = [PAID | {"account": "acct_other"}, REFUND | {"livemode": True}]

    result, _ = await look(database, stripe, livemode=False)

    assert result.findings.counts == {"seen": 2, "new": 0, "changed": 0, "failed": 0}
    assert await rows(database) == {}


async def test_what_cannot_be_read_is_counted_and_its_neighbours_are_recorded(
    database: AnyDatabase, stripe: StripeAccount
) -> None:
    broken: list[Document] = [
        PAID | {"id": f"no event {number}", "created": NOW_S - 400} for number in range(30)
    ]
    large = PAID | {"id": "evt_large", "data": {"object": session(x="x" * PAYLOAD_BYTES_MAX)}}
    stripe.events_held = [*broken, large, UNPAID]

    result, _ = await look(database, stripe)

    assert result.findings.counts == {"seen": 32, "new": 1, "changed": 1, "failed": 31}
    assert len(result.findings.reasons) == REASONS_MAX
    assert result.failure is None


async def test_text_that_was_cut_within_a_character_is_kept(
    database: AnyDatabase, stripe: StripeAccount
) -> None:
    stripe.events_held = [event("refund.created", refund(description="\ud83d"), id="evt_3")]

    await look(database, stripe)

    row = (await rows(database))["evt_3"]
    assert b"\\ud83d" in (row.payload or b"")
    assert row.state is EventState.WAITING


async def test_an_event_in_its_first_minute_is_recorded_and_not_called_missed(
    database: AnyDatabase, stripe: StripeAccount
) -> None:
    under_way = REFUND | {"created": NOW_S - UNDER_WAY_S + 1}
    stripe.events_held = [PAID | {"created": NOW_S - 900}, PAID | {"id": "evt_9"}, under_way]

    result, _ = await look(database, stripe)

    sources = [row.source for row in (await rows(database)).values()]
    assert sources.count(EventSource.LISTED) == 3
    assert result.missed == 2
    assert result.missed_since_s == NOW_S - 900


async def test_what_was_found_before_stripe_failed_stays(
    database: AnyDatabase, stripe: StripeAccount
) -> None:
    stripe.events_held = [PAID]
    result, _ = await look(database, stripe)
    stripe.failures = [StripeUnavailableError("Stripe answered 500")]

    failed, _ = await look(database, stripe)

    assert result.failure is None
    assert failed.findings.counts == {"seen": 0, "new": 0, "changed": 0, "failed": 1}
    assert failed.findings.reasons == ["Stripe answered 500"]
    assert failed.refused is None


async def test_a_refused_key_names_the_right(database: AnyDatabase, stripe: StripeAccount) -> None:
    words = "the key lacks the right rak_event_read"
    stripe.failures = [StripeKeyRefusedError(words)]

    result, _ = await look(database, stripe)

    assert result.refused == words


async def test_an_event_that_breaks_recording_is_counted_and_the_others_go_on() -> None:
    findings = Findings()

    async def record_one(received: ReceivedEvent) -> Recorded:
        if received.event.id == "evt_1":
            raise ValueError("a defect")
        return Recorded.RECORDED

    take = TakeReadEvents(record_one, EventFilter(ACCOUNT, None), findings)
    new = await take([PAID, REFUND], EventSource.LISTED)

    assert [each.id for each in new] == ["evt_2"]
    assert findings.counts == {"seen": 0, "new": 1, "changed": 0, "failed": 1}
    assert findings.reasons == ["evt_1 cannot be recorded: ValueError"]


async def test_a_database_that_is_down_ends_the_look(
    database: AnyDatabase, stripe: StripeAccount
) -> None:
    stripe.events_held = [PAID]

    with pytest.raises(StorageUnavailableError):
        await look(ObservedDatabase(database, writes_down=1), stripe)
