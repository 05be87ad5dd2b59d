"""Sessions of which nothing is heard are read, and so is what Stripe gave up telling."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app.domain.fold.rebuild import Verdict
from app.domain.payments.status import PaymentStatus
from app.domain.stripe_events.event import EventFilter
from app.usecases.read_back import ENDED_MS, FAR_BACK_MS, LATE_COMMIT_MS, QUIET_MS, READ_MAX
from app.usecases.rebuild_payments import RebuildPayments
from app.usecases.reconcile import Check, Reconciled
from app.usecases.reconciliation import ReconciliationState
from app.usecases.records import Checkout, EventSource
from app.usecases.stripe_reads import StripeKeyRefusedError
from tests.support.builders import (
    ACCOUNT,
    CHECKOUT_ID,
    NOW_S,
    SESSION_ID,
    Document,
    FixedClock,
    event,
    session,
    thin_event,
)
from tests.support.checks_at_stripe import reconcile_of
from tests.support.recording import NOW_MS, keep, payment_of, record, rows
from tests.support.stores import CHECKOUT
from tests.support.stripe_account import StripeAccount
from tests.support.stripe_objects import refund

OPEN = session(status="open", payment_status="unpaid", payment_intent=None)
EXPIRED = session(status="expired", payment_status="unpaid", payment_intent=None)


def notice(object_id: str, object_type: str, **changes: object) -> Document:
    """Stripe says that an event could not be made (webhooks/handle-irrecoverable-events)."""
    related = {"id": object_id, "type": object_type, "url": f"/v1/{object_id}"}
    return thin_event(
        type="v2.core.health.event_generation_failure.resolved",
        data={"impact": {"event_type": "refund.created", "related_object": related}},
        **changes,
    )


@dataclass
class Shop:
    """A database, and an account at Stripe."""

    database: Any  # either database, which is a Database and a ReconciliationStore
    clock: FixedClock
    stripe: StripeAccount
    state: ReconciliationState = field(default_factory=ReconciliationState)

    async def look(self) -> Reconciled:
        reconcile = reconcile_of(self.database, self.stripe, self.clock)
        result = await reconcile(Check(since_s=NOW_S, state=self.state))
        self.state = result.state
        return result

    async def start(self, session_id: str = SESSION_ID, *, number: int = 0) -> None:
        """Start a checkout at the beginning of time."""
        started: Checkout = replace(
            CHECKOUT, id=f"{CHECKOUT_ID[:-4]}{number:04}", session_id=session_id
        )
        await keep(self.database, started)

    def reads(self) -> list[object]:
        """The ids of the objects that were read, in order."""
        return [question[2] for question in self.stripe.asked if question[0] == "read"]

    def holds(self, **objects: Mapping[str, object]) -> None:
        self.stripe.objects |= {str(each["id"]): dict(each) for each in objects.values()}


@pytest.fixture
def shop(database: Any, clock: FixedClock) -> Shop:  # noqa: ANN401 as above
    return Shop(database, clock, StripeAccount())


async def test_a_silent_session_is_read_after_half_an_hour_and_not_before(shop: Shop) -> None:
    await shop.start()
    shop.holds(session=EXPIRED)
    shop.clock.ms = NOW_MS + QUIET_MS - 1
    early = await shop.look()
    shop.clock.ms += 1

    result = await shop.look()

    assert early.findings.seen == 0
    assert result.findings.counts == {"seen": 1, "new": 1, "changed": 1, "failed": 0}
    assert (await payment_of(shop.database)).facts.status is PaymentStatus.EXPIRED
    (row,) = (await rows(shop.database)).values()
    assert row.source is EventSource.READ


async def test_a_session_that_is_still_open_is_read_twice_at_most(shop: Shop) -> None:
    await shop.start()
    shop.holds(session=OPEN)
    for after_ms in (QUIET_MS, QUIET_MS + 1, ENDED_MS, ENDED_MS + 1, 2 * ENDED_MS):
        shop.clock.ms = NOW_MS + after_ms
        await shop.look()

    assert shop.reads() == [SESSION_ID] * 2
    assert await rows(shop.database) == {}


async def test_a_session_whose_end_was_never_told_expires(shop: Shop) -> None:
    await shop.start()
    await record(shop.database, event(subject=session(payment_status="unpaid")))
    shop.holds(session=EXPIRED)
    shop.clock.ms = NOW_MS + ENDED_MS

    await shop.look()

    facts = (await payment_of(shop.database)).facts
    assert facts.expired


async def test_what_was_heard_of_is_not_read(shop: Shop) -> None:
    await shop.start()
    await record(shop.database, event())
    shop.clock.ms = NOW_MS + ENDED_MS

    await shop.look()

    assert shop.reads() == []


async def test_checkouts_of_long_ago_are_left_alone(shop: Shop) -> None:
    await shop.start()
    shop.clock.ms = NOW_MS + FAR_BACK_MS + ENDED_MS

    await shop.look()

    assert shop.reads() == []


async def test_sessions_that_stripe_refuses_to_show_stay_due(shop: Shop) -> None:
    await shop.start()
    shop.clock.ms = NOW_MS + QUIET_MS
    words = "the key lacks the permission rak_checkout_session_read"
    shop.stripe.read_failure = StripeKeyRefusedError(words)
    failed = await shop.look()
    shop.stripe.read_failure = None
    shop.holds(session=session())

    await shop.look()

    assert failed.has_all_events
    assert (str(failed.failure), failed.findings.failed) == (words, 1)
    assert (await payment_of(shop.database)).facts.status is PaymentStatus.PAID


async def test_a_session_that_the_account_has_not_is_counted_and_passed(shop: Shop) -> None:
    await shop.start()
    shop.clock.ms = NOW_MS + QUIET_MS

    first, second = await shop.look(), await shop.look()

    assert (first.findings.failed, second.findings.failed) == (1, 0)
    assert first.failure is None


@pytest.mark.thorough
async def test_many_sessions_are_read_some_at_a_time(shop: Shop) -> None:
    for number in range(READ_MAX + 1):
        started = replace(
            CHECKOUT,
            id=f"{CHECKOUT_ID[:-4]}{number:04}",
            session_id=f"cs_test_{number}",
            created_at_ms=NOW_MS + number,
        )
        await keep(shop.database, started)
        shop.holds(session=OPEN | {"id": f"cs_test_{number}"})
    shop.clock.ms = NOW_MS + QUIET_MS + READ_MAX + 1

    seen = [(await shop.look()).findings.seen for _ in range(3)]

    assert seen == [READ_MAX, 2, 0]  # the last of a full page is read again


async def test_sessions_of_the_millisecond_in_which_a_check_ended_are_read(shop: Shop) -> None:
    for number in range(READ_MAX + 1):
        session_id = f"cs_test_{number}"
        started = replace(
            CHECKOUT,
            id=f"{CHECKOUT_ID[:-4]}{number:04}",
            session_id=session_id,
            created_at_ms=NOW_MS + min(number, READ_MAX - 1),
        )
        await keep(shop.database, started)
        shop.holds(session=EXPIRED | {"id": session_id})
    shop.clock.ms = NOW_MS + QUIET_MS + READ_MAX

    for _ in range(2):
        await shop.look()

    assert set(shop.reads()) == {f"cs_test_{number}" for number in range(READ_MAX + 1)}


@pytest.mark.parametrize("livemode", [True, False, None])
async def test_a_refund_that_does_not_name_its_mode_counts(
    shop: Shop, *, livemode: bool | None
) -> None:
    """Stripe's refunds have no `livemode`."""
    mode = bool(livemode)
    paid = event(subject=session(payment_intent="pi_1", livemode=mode), livemode=mode)
    await record(shop.database, paid, notice("re_1", "refund", livemode=mode))
    shop.holds(refund=refund(amount=300))
    reconcile = reconcile_of(
        shop.database, shop.stripe, shop.clock, event_filter=EventFilter(ACCOUNT, livemode)
    )

    result = await reconcile(Check(since_s=NOW_S))

    assert result.failure is None
    assert (await payment_of(shop.database)).facts.amount_refunded_minor == 300


async def test_what_a_notice_names_is_read_until_no_earlier_one_can_be_committed(
    shop: Shop,
) -> None:
    unpaid = event(subject=session(payment_status="unpaid"))
    await record(shop.database, unpaid, notice("re_1", "refund"))
    shop.holds(refund=refund())

    first = await shop.look()
    shop.clock.ms += LATE_COMMIT_MS + 1
    second, third = await shop.look(), await shop.look()

    assert first.findings.counts == {"seen": 1, "new": 1, "changed": 1, "failed": 0}
    assert (second.findings.seen, second.findings.new) == (1, 0)
    assert third.findings.seen == 0
    assert (await payment_of(shop.database)).facts.refunds["re_1"].amount_minor == 500


async def test_many_notices_are_done_some_at_a_time(shop: Shop) -> None:
    many = [notice("re_1", "refund", id=f"evt_n{number:03}") for number in range(READ_MAX)]
    await record(shop.database, *many)
    shop.holds(refund=refund())

    result = await shop.look()

    assert result.state.notices_until_ms == NOW_MS
    assert result.findings.seen == READ_MAX


async def test_more_notices_within_a_minute_than_a_look_reads_are_all_read(shop: Shop) -> None:
    many = [notice("re_none", "refund", id=f"evt_n{number:03}") for number in range(READ_MAX)]
    await record(shop.database, event(subject=session()), *many)
    later = FixedClock(NOW_MS + 1000)
    await record(shop.database, notice("re_1", "refund", id="evt_last"), clock=later)
    shop.clock.ms = NOW_MS + LATE_COMMIT_MS
    shop.holds(refund=refund())

    for _ in range(4):
        await shop.look()

    assert (await payment_of(shop.database)).facts.amount_refunded_minor == 500


async def test_what_a_notice_does_not_name_is_counted(shop: Shop) -> None:
    await record(shop.database, notice("re_1", "nothing.known"), thin_event(id="evt_other"))

    result = await shop.look()

    assert result.findings.counts == {"seen": 1, "new": 0, "changed": 0, "failed": 1}


async def test_what_was_read_survives_a_rebuild(shop: Shop) -> None:
    await shop.start()
    shop.holds(session=session())
    shop.clock.ms = NOW_MS + QUIET_MS
    await shop.look()

    rebuild = RebuildPayments(database=shop.database, clock=shop.clock)
    verdicts = [rebuilt.verdict async for rebuilt in rebuild(repair=False)]

    assert verdicts == [Verdict.SAME]


async def test_a_right_that_one_part_lacks_does_not_stop_the_others(shop: Shop) -> None:
    await shop.start()
    shop.holds(session=session())
    shop.clock.ms = NOW_MS + QUIET_MS
    shop.stripe.failures = [StripeKeyRefusedError("the key lacks the right rak_event_read")]

    result = await shop.look()

    assert result.refused == "the key lacks the right rak_event_read"
    assert not result.has_all_events
    assert (await payment_of(shop.database)).facts.status is PaymentStatus.PAID
