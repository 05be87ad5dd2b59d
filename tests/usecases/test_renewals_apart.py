"""Renewals have rows of their own, so an event costs the same in a subscription's 10th year."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings

from app.databases import AnyDatabase
from app.domain.fold.asking import Surroundings, Wanted
from app.domain.fold.outcome import Outcome
from app.domain.fold.rebuild import Verdict
from app.domain.fold.records import Payment
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.renewals import set_apart
from app.domain.payments.status import PaymentStatus
from app.usecases.rebuild_payments import RebuildPayments
from app.usecases.records import EventRow
from app.usecases.storage import Transaction
from tests.support.builders import SESSION_ID, Document, FixedClock, event, query, session
from tests.support.recording import (
    keep,
    look,
    payment_of,
    payments,
    record,
)
from tests.support.stores import put
from tests.support.strategies import histories
from tests.support.stripe_objects import charge, dispute, invoice, listing

T = TypeVar("T")

SUBSCRIBED = event(
    id="evt_subscribed",
    subject=session(
        mode="subscription", payment_intent=None, subscription="sub_1", invoice="in_first"
    ),
)


def paid(number: int, **changes: object) -> Document:
    subject = invoice(
        id=f"in_{number}",
        subscription="sub_1",
        billing_reason="subscription_cycle",
        payments=listing({"payment": {"payment_intent": f"pi_{number}"}}),
        **changes,
    )
    return event("invoice.paid", subject, id=f"evt_paid_{number}")


def refunded(number: int) -> Document:
    subject = charge(id=f"ch_{number}", payment_intent=f"pi_{number}", amount_refunded=1999)
    return event("charge.refunded", subject, id=f"evt_refunded_{number}")


def disputed(number: int) -> Document:
    subject = dispute(id=f"dp_{number}", charge=f"ch_{number}", payment_intent=None)
    return event("charge.dispute.created", subject, id=f"evt_disputed_{number}")


async def renewals_of(
    database: AnyDatabase, session_id: str = SESSION_ID
) -> dict[str, PaymentFacts]:
    found = await look(database, renewals_of=[session_id])
    return {renewal.invoice_id: renewal.facts for renewal in found.renewals}


async def rebuilt(database: AnyDatabase, *, repair: bool = False) -> list[Verdict]:
    rebuild = RebuildPayments(database=database, clock=FixedClock())
    return [each.verdict async for each in rebuild(repair=repair)]


async def test_a_renewal_is_kept_apart_and_does_not_touch_the_first_payment(
    database: AnyDatabase,
) -> None:
    await record(database, SUBSCRIBED)
    before = await payment_of(database)

    await record(database, paid(1), refunded(1), disputed(1))

    after = await payment_of(database)
    assert after.facts == before.facts
    assert after.facts.status is PaymentStatus.PAID
    assert after.version == before.version + 1
    assert set((await renewals_of(database))["in_1"].disputes) == {"dp_1"}
    assert (await payments(database))[SESSION_ID].facts.renewals_paid == 1


async def test_what_came_before_its_renewal_was_known_is_set_apart_with_it(
    database: AnyDatabase,
) -> None:
    named = event(
        "invoice_payment.paid",
        {"id": "inpay_1", "invoice": "in_1", "payment": {"payment_intent": "pi_1"}},
        id="evt_named",
    )
    await record(database, disputed(1))
    await record(database, refunded(1))
    await record(database, named)
    linked = event(
        "customer.subscription.updated",
        {"id": "sub_1", "status": "active", "latest_invoice": "in_1"},
        id="evt_linked",
    )
    without_its_invoice = session(mode="subscription", payment_intent=None, subscription="sub_1")
    await record(database, linked)
    await record(database, event(subject=without_its_invoice))
    as_the_first = (await payment_of(database)).facts.status

    await record(database, paid(1))

    assert as_the_first is PaymentStatus.DISPUTED
    assert (await payment_of(database)).facts.status is PaymentStatus.PAID
    assert set((await renewals_of(database))["in_1"].refunds) == set()
    assert set((await renewals_of(database))["in_1"].charges) == {"ch_1"}
    assert await rebuilt(database) == [Verdict.SAME]


async def test_a_renewal_that_turns_out_to_be_the_first_payment_comes_back(
    database: AnyDatabase,
) -> None:
    await record(database, SUBSCRIBED)
    await record(database, paid(1), refunded(1))
    apart = await renewals_of(database)

    first = invoice(id="in_1", subscription="sub_1", billing_reason="subscription_create")
    await record(database, event("invoice.payment_succeeded", first, id="evt_first"))

    assert set(apart) == {"in_1"}
    assert await renewals_of(database) == {}
    assert (await payment_of(database)).facts.status is PaymentStatus.REFUNDED
    assert await rebuilt(database) == [Verdict.SAME]


@pytest.mark.thorough
@given(history=histories())
@hypothesis_settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_the_separated_parts_equal_those_of_the_whole_in_any_order(
    database: AnyDatabase, history: list[Document]
) -> None:
    """Histories pile up in one database: they share ids, so that payments have long pasts."""
    for document in history:
        await record(database, document)

    whole = await payments(database)
    firsts = (await look(database, around=whole.keys())).payments

    for session_id, payment in whole.items():
        kept = (firsts[session_id].facts, await renewals_of(database, session_id))
        assert kept == set_apart(payment.facts)
        assert firsts[session_id].facts.status is payment.facts.status
    assert set(await rebuilt(database)) <= {Verdict.SAME}


async def test_a_rebuild_separates_renewals_again(
    database: AnyDatabase, database_path: Path
) -> None:
    await record(database, SUBSCRIBED, paid(1), refunded(1), paid(2))
    right = await payment_of(database), await renewals_of(database)
    query(database_path, "DELETE FROM renewals WHERE invoice_id = 'in_1'")
    query(database_path, "UPDATE renewals SET invoice_id = 'in_made_up'")

    verdicts = await rebuilt(database, repair=True)

    payment = await payment_of(database)
    assert verdicts == [Verdict.DIFFERENT]
    assert (payment.facts, await renewals_of(database)) == (right[0].facts, right[1])
    assert await rebuilt(database) == [Verdict.SAME]


async def test_a_payment_that_was_kept_whole_is_set_apart_by_its_next_event(
    database: AnyDatabase,
) -> None:
    await record(database, SUBSCRIBED, *(paid(number) for number in range(5)))
    whole = (await payments(database))[SESSION_ID].facts
    first = (await payment_of(database)).facts
    await database.write(forget_renewals)
    await keep(database, Payment(session_id=SESSION_ID, facts=whole, updated_at_ms=1))

    await record(database, paid(7))

    assert (await payment_of(database)).facts == first
    assert len(await renewals_of(database)) == 6
    assert await rebuilt(database) == [Verdict.SAME]


async def forget_renewals(transaction: Transaction) -> None:
    kept = (await transaction.look_around(Wanted(renewals_of=[SESSION_ID]))).renewals
    await put(transaction, *(replace(each, facts=PaymentFacts()) for each in kept))
    await transaction.commit()


# --- what an event costs


@dataclass(slots=True)
class Weighed:
    """Counts what acts read and write of payments and renewals: rows, and objects in them."""

    inner: AnyDatabase
    objects: list[int] = field(default_factory=list)

    async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        async def weigh(transaction: Transaction) -> T:
            return await act(cast("Transaction", _WeighedTransaction(transaction, self.objects)))

        return await self.inner.write(weigh)


class _WeighedTransaction:
    def __init__(self, transaction: Transaction, objects: list[int]) -> None:
        self._transaction = transaction
        self._objects = objects

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 whatever the transaction has
        return getattr(self._transaction, name)

    async def look_around(self, wanted: Wanted) -> Surroundings:
        found = await self._transaction.look_around(wanted)
        self._objects += [weight(payment.facts) for payment in found.payments.values()]
        self._objects += [weight(renewal.facts) for renewal in found.renewals]
        return found

    async def record(self, events: Sequence[EventRow], outcome: Outcome) -> Collection[str]:
        self._objects += [weight(payment.facts) for payment in outcome.payments]
        self._objects += [weight(renewal.facts) for renewal in outcome.renewals]
        return await self._transaction.record(events, outcome)


def weight(facts: PaymentFacts) -> int:
    maps = (facts.invoices, facts.intents, facts.charges, facts.refunds, facts.disputes)
    return 1 + sum(len(each) for each in maps)


async def test_an_event_costs_the_same_however_long_a_subscription_has_lived(
    database: AnyDatabase,
) -> None:
    async def cost_of(number: int) -> list[int]:
        weighed = Weighed(database)
        for document in (paid(number), refunded(number), disputed(number), disputed(3)):
            await record(
                cast("AnyDatabase", weighed), {**document, "id": f"{document['id']}_{number}"}
            )
        return weighed.objects

    await record(database, SUBSCRIBED)
    for number in range(5):
        await record(database, paid(number), refunded(number), disputed(number))
    young = await cost_of(5)
    for start in range(10, 310, 50):
        documents = [
            document
            for number in range(start, start + 50)
            for document in (paid(number), refunded(number))
        ]
        await record(database, *documents)

    assert await cost_of(400) == young
    assert len(await renewals_of(database)) == 5 + 1 + 300 + 1
