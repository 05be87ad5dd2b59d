"""How often a batch waits for PostgreSQL: each time costs as much CPU as folding two events."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest

from app.adapters.database.postgres.database import PostgresDatabase
from app.domain.money import ExpectedSubtotal
from tests.support.builders import CHECKOUT_ID, Document, SilentAlarm, event, session
from tests.support.recording import checkout, keep, record
from tests.support.relay import proxy_before
from tests.support.round_trips import CountingProxy
from tests.support.stripe_objects import charge, invoice, listing, refund

BATCH = 4  # to begin with the locks, to look around, to record, to commit


@dataclass(slots=True)
class Counted:
    """A database of one connection, and how often it waits."""

    database: PostgresDatabase
    proxy: CountingProxy

    async def trips_for(self, *documents: Document) -> int:
        before = self.proxy.round_trips
        await record(self.database, *documents)
        return self.proxy.round_trips - before


@pytest.fixture
async def counted(postgres_url: str, alarm: SilentAlarm) -> AsyncIterator[Counted]:
    """What is counted is sent a second time: the first time a statement is prepared."""
    async with proxy_before(postgres_url, CountingProxy) as proxy:
        database = PostgresDatabase(proxy.url, alarm, pool_size=1)
        await keep(
            database,
            checkout(session_id=None, expected=ExpectedSubtotal(amount_minor=1999, currency="eur")),
        )
        for number in (1, 2):
            for documents in (of_known(number), [waiting(number)], [subscribed(number)]):
                await record(database, *documents)
            await record(database, completed(number))
            await record(database, renewed(number, 1))
            await record(database, refunded_later(number, "first"))
        yield Counted(database, proxy)
        await database.close()


def completed(number: int) -> Document:
    subject = session(
        id=f"cs_test_{number}",
        payment_intent=f"pi_{number}",
        success_url=f"https://shop.example/?checkout_id={CHECKOUT_ID}",
    )
    return event(id=f"evt_completed_{number}", subject=subject)


def of_known(number: int) -> Sequence[Document]:
    """A session that names a checkout, and what comes after it, at once."""
    ids = {"payment_intent": f"pi_known_{number}"}
    subject = session(id=f"cs_known_{number}", **ids)
    return [
        event(id=f"evt_known_{number}", subject=subject),
        event("charge.succeeded", charge(id=f"ch_{number}", **ids), id=f"evt_charged_{number}"),
        event(
            "refund.created",
            refund(id=f"re_{number}", charge=f"ch_{number}", **ids),
            id=f"evt_refunded_{number}",
        ),
    ]


def waiting(number: int) -> Document:
    subject = refund(id=f"re_w_{number}", payment_intent=f"pi_{number}", charge=None)
    return event("refund.created", subject, id=f"evt_waiting_{number}")


def subscribed(number: int) -> Document:
    subject = session(
        id=f"cs_sub_{number}",
        mode="subscription",
        payment_intent=None,
        subscription=f"sub_{number}",
    )
    return event(id=f"evt_sub_{number}", subject=subject)


def renewed(number: int, month: int) -> Document:
    subject = invoice(
        id=f"in_{number}_{month}",
        parent={"subscription_details": {"subscription": f"sub_{number}"}},
        billing_reason="subscription_cycle",
        payments=listing({"payment": {"payment_intent": f"pi_{number}_{month}"}}),
    )
    return event("invoice.paid", subject, id=f"evt_renewed_{number}_{month}")


def refunded_later(number: int, name: str) -> Document:
    subject = refund(
        id=f"re_{number}_{name}", payment_intent=f"pi_known_{number}", charge=f"ch_{number}"
    )
    return event("refund.created", subject, id=f"evt_later_{number}_{name}")


async def test_a_batch_of_new_payments_takes_four(counted: Counted) -> None:
    assert await counted.trips_for(*of_known(3), *of_known(4)) == BATCH


async def test_events_of_payments_that_are_known_take_four(counted: Counted) -> None:
    assert await counted.trips_for(refunded_later(1, "second")) == BATCH


async def test_events_that_wait_for_their_session_take_four(counted: Counted) -> None:
    assert await counted.trips_for(waiting(3)) == BATCH


async def test_a_session_that_names_its_checkout_takes_four(counted: Counted) -> None:
    assert await counted.trips_for(completed(3)) == BATCH


async def test_a_duplicate_takes_three(counted: Counted) -> None:
    """There is nothing to record."""
    assert await counted.trips_for(*of_known(1)) == BATCH - 1


async def test_waking_what_has_waited_takes_three_more(counted: Counted) -> None:
    """To read the events, to lock what they mention, and to look around it."""
    await record(counted.database, waiting(3))

    assert await counted.trips_for(completed(3)) == BATCH + 3


async def test_a_renewal_takes_one_more(counted: Counted) -> None:
    """Which renewals it changes is asked once it is known that the payment is a subscription."""
    assert await counted.trips_for(renewed(1, 2)) == BATCH + 1
