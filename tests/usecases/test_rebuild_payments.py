"""Payments computed from their events equal the stored ones, or are reported."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.databases import AnyDatabase
from app.domain.fold.rebuild import Rebuilt, Verdict
from app.domain.fold.records import EventState, Link, Payment
from app.domain.money import ExpectedSubtotal
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.status import PaymentStatus
from app.usecases.rebuild_payments import PAGE, RebuildPayments
from app.usecases.storage import Transaction
from tests.support.builders import SESSION_ID, Document, FixedClock, event, session
from tests.support.observed import ObservedDatabase
from tests.support.recording import (
    NOW_MS,
    checkout,
    keep,
    kept_event,
    mention,
    payment_of,
    payments,
    prune,
    record,
)
from tests.support.strategies import histories
from tests.support.stripe_objects import charge, dispute, refund

T = TypeVar("T")

PAID_AND_DISPUTED = (
    event(id="evt_1"),
    event("charge.succeeded", charge(), id="evt_2"),
    event("charge.dispute.created", dispute(payment_intent=None), id="evt_3"),
)


@pytest.fixture
def rebuild(database: AnyDatabase) -> RebuildPayments:
    return RebuildPayments(database=database, clock=FixedClock(NOW_MS + 60_000))


async def verdicts(rebuild: RebuildPayments, *, repair: bool = False) -> dict[str, Verdict]:
    return {each.session_id: each.verdict async for each in rebuild(repair=repair)}


async def only(rebuild: RebuildPayments, *, repair: bool = False) -> Rebuilt:
    (rebuilt,) = [each async for each in rebuild(repair=repair)]
    return rebuilt


async def test_nothing_is_rebuilt_of_nothing(rebuild: RebuildPayments) -> None:
    assert await verdicts(rebuild) == {}


async def test_a_payment_is_what_its_events_prove(
    database: AnyDatabase, rebuild: RebuildPayments
) -> None:
    await record(database, *PAID_AND_DISPUTED)

    rebuilt = await only(rebuild)

    assert rebuilt.verdict is Verdict.SAME
    assert rebuilt.facts == (await payment_of(database)).facts
    assert (rebuilt.missing_links, rebuilt.pruned_events) == ((), 0)


@pytest.mark.thorough
@given(told=histories(payments_max=3).flatmap(st.permutations), size=st.integers(1, 5))
@hypothesis_settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_after_any_history_in_any_order_there_are_no_differences(
    database: AnyDatabase, rebuild: RebuildPayments, told: list[Document], size: int
) -> None:
    """Histories pile up in one database: they share ids, so that payments have long pasts."""
    for start in range(0, len(told), size):
        await record(database, *told[start : start + size])

    assert set((await verdicts(rebuild)).values()) == {Verdict.SAME}


@pytest.mark.thorough
async def test_more_than_a_page_is_gone_through(
    database: AnyDatabase, rebuild: RebuildPayments
) -> None:
    sessions = [session(id=f"cs_test_{n:04}", payment_intent=f"pi_{n}") for n in range(PAGE + 2)]
    await record(database, *(event(id=f"evt_{n}", subject=each) for n, each in enumerate(sessions)))

    seen = await verdicts(rebuild)

    assert list(seen) == [each["id"] for each in sessions]
    assert set(seen.values()) == {Verdict.SAME}


@pytest.mark.parametrize(
    "change",
    [
        {"paid": False},
        {"paid_at_s": 1},
        {"amount_total_minor": 1},
        {"disputes": {}},
        {"expired": True},
    ],
)
async def test_a_payment_that_somebody_has_changed_is_found_and_mended(
    database: AnyDatabase, rebuild: RebuildPayments, change: dict[str, object]
) -> None:
    await record(database, *PAID_AND_DISPUTED)
    right = await payment_of(database)
    await keep(
        database,
        replace(right, facts=replace(right.facts, **change)),  # type: ignore[arg-type]
    )

    found = await verdicts(rebuild)
    untouched = await payment_of(database)
    mended = await verdicts(rebuild, repair=True)
    after = await verdicts(rebuild)

    assert found == mended == {SESSION_ID: Verdict.DIFFERENT}
    assert untouched.facts != right.facts
    assert after == {SESSION_ID: Verdict.SAME}
    assert await payment_of(database) == replace(
        right, version=right.version + 1, updated_at_ms=NOW_MS + 60_000
    )


async def test_a_payment_that_is_gone_is_found_and_mended(
    database: AnyDatabase, rebuild: RebuildPayments
) -> None:
    """Its events were kept by a program that failed to fold them."""
    await keep(database, kept_event(event(), EventState.UNREAD))
    await mention(database, SESSION_ID, "evt_1")
    assert await payments(database) == {}

    rebuilt = await only(rebuild, repair=True)

    assert (rebuilt.kept, rebuilt.verdict) == (None, Verdict.DIFFERENT)
    assert (await payment_of(database)).facts.status is PaymentStatus.PAID
    assert await verdicts(rebuild) == {SESSION_ID: Verdict.SAME}


async def test_a_missing_link_is_found_and_mended(
    database: AnyDatabase, rebuild: RebuildPayments
) -> None:
    """The same events in a database that knows the payment, and by no id that leads there."""
    await record(database, *PAID_AND_DISPUTED[1:])
    await keep(
        database,
        kept_event(PAID_AND_DISPUTED[0], EventState.FOLDED),
        Payment(session_id=SESSION_ID, facts=PaymentFacts(), updated_at_ms=NOW_MS),
    )
    await mention(database, SESSION_ID, "evt_1")

    rebuilt = await only(rebuild, repair=True)

    assert rebuilt.verdict is Verdict.DIFFERENT
    assert rebuilt.missing_links == (Link("ch_1", SESSION_ID), Link("pi_1", SESSION_ID))
    assert (await payment_of(database)).facts.status is PaymentStatus.DISPUTED
    assert await verdicts(rebuild) == {SESSION_ID: Verdict.SAME}

    await record(database, event("refund.created", refund(payment_intent=None), id="evt_4"))
    assert (await payment_of(database)).facts.amount_refunded_minor == 500


async def test_what_the_catalog_said_counts_in_what_is_mended(
    database: AnyDatabase, rebuild: RebuildPayments
) -> None:
    await keep(database, checkout(expected=ExpectedSubtotal(amount_minor=1999, currency="eur")))
    await record(database, event(subject=session(amount_subtotal=1)))
    right = await payment_of(database)
    nothing = replace(right, facts=PaymentFacts(), price_mismatch=False)
    await keep(database, nothing)

    await verdicts(rebuild, repair=True)

    assert right.price_mismatch
    assert (await payment_of(database)).price_mismatch
    assert (await payment_of(database)).facts == right.facts


async def test_what_has_been_mended_meanwhile_is_left_as_it_is(database: AnyDatabase) -> None:
    class Overtaken(ObservedDatabase):
        """Another operator mends it between the look and the repair."""

        async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
            other = RebuildPayments(database=self.inner, clock=FixedClock(NOW_MS + 1))
            await verdicts(other, repair=True)
            return await self.inner.write(act)

    await record(database, *PAID_AND_DISPUTED)
    right = await payment_of(database)
    await keep(database, replace(right, facts=PaymentFacts()))
    late = RebuildPayments(database=Overtaken(database), clock=FixedClock(NOW_MS + 2))

    assert await verdicts(late, repair=True) == {SESSION_ID: Verdict.DIFFERENT}

    mended = await payment_of(database)
    assert mended == replace(right, version=right.version + 1, updated_at_ms=NOW_MS + 1)


# --- payloads that are gone


@pytest.mark.parametrize("pruned", [1, 2, 3])
async def test_a_payment_of_which_payloads_are_gone_is_said_to_be_so(
    database: AnyDatabase, rebuild: RebuildPayments, pruned: int
) -> None:
    await record(database, *PAID_AND_DISPUTED)
    before = await payment_of(database)
    await prune(database, pruned)

    rebuilt = await only(rebuild, repair=True)

    assert rebuilt.verdict is Verdict.PRUNED
    assert rebuilt.pruned_events >= 1
    assert await payment_of(database) == before


async def test_what_is_left_of_a_pruned_payment_must_agree_and_only_adds_when_mended(
    database: AnyDatabase, rebuild: RebuildPayments
) -> None:
    await record(database, PAID_AND_DISPUTED[0])
    await prune(database, 1)
    await record(database, event("refund.created", refund(), id="evt_2"))
    right = await payment_of(database)
    await keep(database, replace(right, facts=replace(right.facts, refunds={})))

    # The session's own payload is gone, and with it the way from the session to its refund; its
    # expiry, which comes now, is a way again.
    await record(
        database, event("checkout.session.expired", session(payment_status="unpaid"), id="evt_3")
    )
    found = await only(rebuild, repair=True)

    assert (found.verdict, found.pruned_events) == (Verdict.DIFFERENT, 1)
    mended = await payment_of(database)
    assert mended.facts == replace(right.facts, expired=True)
    assert mended.facts.paid
    assert (await only(rebuild)).verdict is Verdict.PRUNED


async def test_a_payload_that_cannot_be_read_counts_as_gone(
    database: AnyDatabase, rebuild: RebuildPayments
) -> None:
    await record(database, PAID_AND_DISPUTED[0])
    spoiled = kept_event(event(id="evt_9"), EventState.FOLDED, payload=b"{")
    await keep(database, spoiled)
    await mention(database, SESSION_ID, "evt_9")

    assert (await only(rebuild)).verdict is Verdict.PRUNED
