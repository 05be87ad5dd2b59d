"""An order is the same whether it is read alone or together with others."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from app.domain.fold.records import Payment
from app.domain.payments.facts import PaymentFacts
from app.usecases.load_orders import find_order, load_orders, whole
from app.usecases.order_document import Document, order_of
from app.usecases.orders import OrderBook
from app.usecases.records import Checkout
from app.usecases.storage import Transaction
from tests.support.builders import CHECKOUT_ID, SESSION_ID, SilentAlarm, event, session
from tests.support.flag_shop import TWIN_ID, numbered
from tests.support.migrated import copy_migrated
from tests.support.recording import NOW_MS, keep, record
from tests.support.stores import put

AnyDatabase = SqliteDatabase | PostgresDatabase
CHECKOUT_IDS = [f"chk_{number:036d}" for number in range(3)]
SESSION_IDS = [f"cs_test_{number}" for number in range(5)]


async def alone(database: AnyDatabase, order_id: str) -> Document:
    async def look(book: OrderBook) -> Document:
        (parts,) = await whole(book, [await find_order(book, order_id)])
        return order_of(parts).document

    return await database.read_orders(look)


async def together(
    database: AnyDatabase, session_ids: list[str], checkout_ids: list[str]
) -> dict[str, Document]:
    async def look(book: OrderBook) -> dict[str, Document]:
        loaded = await whole(book, await load_orders(book, session_ids, checkout_ids))
        return {each.position.order_id: order_of(each).document for each in loaded}

    return await database.read_orders(look)


@pytest.mark.parametrize("database_kind", ["sqlite", "postgres"])
async def test_a_session_that_names_the_checkout_of_another_counts_for_its_version_every_time(
    database: AnyDatabase,
) -> None:
    await keep(database, numbered(), numbered(TWIN_ID, "cs_test_twin"))
    url = f"https://shop.example/?checkout_id={CHECKOUT_ID}"
    named = session(id="cs_test_twin", payment_intent="pi_2", success_url=url)
    await record(database, event(), event(subject=named, id="evt_2"))

    both = await together(database, [SESSION_ID, "cs_test_twin"], [])

    assert both == {id_: await alone(database, id_) for id_ in (CHECKOUT_ID, TWIN_ID)}


@st.composite
def payments(draw: st.DrawFn) -> list[Payment]:
    """Payments of any sessions, which name any checkout and recover any earlier session."""
    chosen = draw(st.lists(st.sampled_from(SESSION_IDS), unique=True))
    return [
        Payment(
            session_id=session_id,
            facts=PaymentFacts(
                paid=draw(st.booleans()),
                expired=draw(st.booleans()),
                checkout_id=draw(st.none() | st.sampled_from(CHECKOUT_IDS)),
                recovered_from=draw(st.none() | st.sampled_from(SESSION_IDS)),
            ),
            updated_at_ms=NOW_MS,
            version=draw(st.integers(1, 9)),
        )
        for session_id in chosen
    ]


def checkouts() -> st.SearchStrategy[list[Checkout]]:
    """Checkouts with one order number; each knows a session of its own, or none."""
    known = st.permutations([*SESSION_IDS, None, None, None])
    return known.map(lambda ids: [numbered(*pair) for pair in zip(CHECKOUT_IDS, ids, strict=False)])


async def compare(kept: list[Checkout], paid: list[Payment]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkout.db"
        copy_migrated(path)
        database = SqliteDatabase(path, SilentAlarm())

        async def add(transaction: Transaction) -> None:
            await put(transaction, *kept, *paid)
            await transaction.commit()

        await database.write(add)
        found = await together(database, [each.session_id for each in paid], CHECKOUT_IDS)
        assert found == {id_: await alone(database, id_) for id_ in found}
        assert set(CHECKOUT_IDS) <= found.keys()
        await database.close()


@given(checkouts(), payments())
def test_each_order_alone_is_what_it_is_among_others(
    kept: list[Checkout], paid: list[Payment]
) -> None:
    asyncio.run(compare(kept, paid))
