"""Records events as the service does, and reads the results, on any database."""

from typing import Any

from app.databases import AnyDatabase
from app.domain.checkout.cart import Cart, LineItem, Mode
from app.domain.fold.asking import Surroundings, Wanted
from app.domain.fold.records import EventState, Link, Mention, Payment
from app.domain.money import ExpectedSubtotal
from app.domain.stripe_events.event import read_event
from app.usecases.event_book import EventBook
from app.usecases.ports import Alarm
from app.usecases.rebuild_payments import whole_payment
from app.usecases.record_events import ReceivedEvent, Recorded, RecordEvents
from app.usecases.records import Checkout, EventRow
from app.usecases.storage import Database, Transaction
from app.usecases.wake_events import OnChange
from tests.support.builders import (
    CHECKOUT_ID,
    NOW_S,
    SESSION_ID,
    Document,
    FixedClock,
    SilentAlarm,
    to_body,
)
from tests.support.stores import Kept, put
from tests.support.stripe_objects import charge

EVERYTHING = 10_000
NOW_MS = NOW_S * 1000


POISONED = "NEW.facts LIKE '%ch_poison%'"


def poison(**changes: object) -> Document:
    """Return a charge of pi_1 whose facts a database refuses that refuses `POISONED`."""
    return charge(id="ch_poison", amount_refunded=1) | changes


def batch(*documents: Document) -> list[ReceivedEvent]:
    return [ReceivedEvent(read_event(document), to_body(document)) for document in documents]


async def record(
    database: Database,
    *documents: Document,
    clock: FixedClock | None = None,
    alarm: Alarm | None = None,
    on_change: OnChange = lambda _: None,
) -> list[Recorded]:
    """Record all in one batch, by default without alerts."""
    recording = RecordEvents(
        database=database,
        clock=clock or FixedClock(),
        alarm=alarm or SilentAlarm(),
        on_change=on_change,
    )
    return await recording(batch(*documents))


async def payment_of(database: AnyDatabase, session_id: str = SESSION_ID) -> Payment:
    payment = await database.find_payment(session_id)
    assert payment is not None
    return payment


async def payments(database: AnyDatabase) -> dict[str, Payment]:
    """Return every stored payment, its facts joined with those of its renewals."""

    async def look(transaction: EventBook) -> dict[str, Payment]:
        session_ids = await transaction.session_ids(after="", limit=EVERYTHING)
        found = [await whole_payment(transaction, session_id) for session_id in session_ids]
        return {payment.session_id: payment for payment in found if payment}

    return await database.read(look)


async def rows(database: AnyDatabase) -> dict[str, EventRow]:
    """Return every stored event."""

    async def look(transaction: EventBook) -> dict[str, EventRow]:
        ids = await transaction.event_ids(None, after="", limit=EVERYTHING)
        found = [await transaction.find_event(event_id) for event_id in ids]
        return {row.id: row for row in found if row}

    return await database.read(look)


async def states(database: AnyDatabase) -> dict[str, EventState]:
    return {event_id: row.state for event_id, row in (await rows(database)).items()}


async def look(database: Database, **wanted: Any) -> Surroundings:  # noqa: ANN401 any field
    """What is kept of this."""
    return await database.read(lambda transaction: transaction.look_around(Wanted(**wanted)))


async def links(database: Database, *object_ids: str) -> set[Link]:
    return set((await look(database, around=object_ids)).links)


async def keep(database: Database, *kept: Kept) -> None:
    """Insert rows that no use case would write."""

    async def write(transaction: Transaction) -> None:
        await put(transaction, *kept)
        await transaction.commit()

    await database.write(write)


async def mention(database: Database, object_id: str, event_id: str) -> None:
    """Make a manually inserted event findable by this id."""
    await keep(database, Mention(object_id, event_id))


async def prune(database: Database, count: int) -> None:
    """Delete this many payloads."""

    async def forget(transaction: Transaction) -> None:
        assert (
            await transaction.prune_payloads(before_ms=NOW_MS + 1, now_ms=NOW_MS, limit=count)
            == count
        )
        await transaction.commit()

    await database.write(forget)


def kept_event(document: Document, state: EventState, **changes: object) -> EventRow:
    """Insert a row like an earlier version of this program: nothing is folded."""
    read = read_event(document)
    values: dict[str, object] = {
        "id": read.id,
        "type": read.type,
        "created_s": read.created_s,
        "received_at_ms": NOW_MS,
        "account": read.account,
        "livemode": read.livemode,
        "state": state,
        "reason": "an old bug" if state is EventState.FAILED else None,
        "payload": to_body(document),
    }
    return EventRow(**(values | changes))  # type: ignore[arg-type]


def checkout(
    session_id: str | None = SESSION_ID,
    *,
    id_: str = CHECKOUT_ID,
    expected: ExpectedSubtotal | None = None,
) -> Checkout:
    return Checkout(
        id=id_,
        created_at_ms=NOW_MS,
        cart=Cart((LineItem("price_A", 1),), Mode.PAYMENT),
        client_reference_id=None,
        success_url="https://shop.example/",
        cancel_url="https://shop.example/",
        url="https://checkout.stripe.com/pay/x",
        session_id=session_id,
        expected=expected,
    )
