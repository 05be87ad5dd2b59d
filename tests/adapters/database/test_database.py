"""Behavior of every database: these tests run on SQLite and on PostgreSQL."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.postgres.transaction import PostgresTransaction
from app.adapters.database.sqlite.database import SqliteDatabase
from app.adapters.database.sqlite.transaction import SqliteTransaction
from app.domain.errors import RowsRefusedError, StorageUnavailableError
from app.domain.fold.asking import Surroundings, Wanted
from app.domain.fold.outcome import Outcome
from app.domain.fold.records import EventState, Link, Mention, Payment, Settled, Wake
from app.domain.money import Money
from app.domain.payments.claims import SoldCheckout
from app.domain.payments.facts import PaymentFacts
from app.usecases.event_book import EventBook
from app.usecases.ports import AlertName
from app.usecases.records import Checkout, Claim, ClaimState, EventQuery, EventRow, PaymentVersion
from app.usecases.storage import Transaction
from tests.support.builders import CHECKOUT_ID, SESSION_ID, SilentAlarm, event, query, to_body
from tests.support.recording import look
from tests.support.stores import (
    CHECKOUT,
    EVENT,
    NOW_MS,
    OTHER_SESSION_ID,
    PAYMENT,
    add_checkout,
    add_event,
    put,
    save_payment,
)

AnyDatabase = SqliteDatabase | PostgresDatabase


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def count(database_path: Path, table: str = "events") -> int:
    (row,) = query(database_path, f"SELECT count(*) AS rows FROM {table}")  # noqa: S608 our table
    return int(row["rows"])


# --- transactions


async def test_what_is_committed_is_read_at_once(database: AnyDatabase) -> None:
    for n in range(50):
        payment = replace(PAYMENT, updated_at_ms=n)

        async def save(transaction: Transaction, payment: Payment = payment) -> None:
            await put(transaction, payment)
            await transaction.commit()

        await database.write(save)

        assert await database.find_payment(SESSION_ID) == payment


async def test_what_is_not_committed_is_not_there(
    database: AnyDatabase, database_path: Path
) -> None:
    async def forget_to_commit(transaction: Transaction) -> str:
        await put(transaction, EVENT)
        return "done"

    assert await database.write(forget_to_commit) == "done"

    assert count(database_path) == 0
    await database.write(add_event)  # nor is the lock kept
    assert count(database_path) == 1


async def test_an_act_that_raises_is_rolled_back(
    database: AnyDatabase, database_path: Path
) -> None:
    async def fail(transaction: Transaction) -> None:
        await put(transaction, EVENT)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(fail)

    assert count(database_path) == 0
    await database.write(add_event)
    assert count(database_path) == 1


async def test_many_writers_and_readers_at_once_lose_nothing(
    database: AnyDatabase, database_path: Path
) -> None:
    async def write_and_read(n: int) -> bool:
        payment = replace(PAYMENT, session_id=f"cs_test_{n}")

        async def save(transaction: Transaction) -> None:
            await put(transaction, payment)
            await transaction.commit()

        await database.write(save)
        return await database.find_payment(payment.session_id) == payment

    assert all(await asyncio.gather(*(write_and_read(n) for n in range(100))))
    assert count(database_path, "payments") == 100


# --- rows


@pytest.mark.parametrize(
    "checkout", [CHECKOUT, replace(CHECKOUT, client_reference_id=None, session_id=None)]
)
async def test_a_checkout_is_read_as_it_was_written(
    database: AnyDatabase, checkout: Checkout
) -> None:
    async def add(transaction: Transaction) -> None:
        await transaction.add_checkout(checkout)
        await transaction.commit()

    await database.write(add)

    assert await database.find_checkout(CHECKOUT_ID) == checkout


async def test_a_checkout_is_found_by_its_session(database: AnyDatabase) -> None:
    await database.write(add_checkout)

    assert await database.find_checkout_of_session(SESSION_ID) == CHECKOUT


async def test_of_two_checkouts_of_one_session_the_later_is_found(
    database: AnyDatabase,
) -> None:
    later = replace(CHECKOUT, id=CHECKOUT_ID[:-1] + "v")

    async def add_both(transaction: Transaction) -> None:
        await transaction.add_checkout(later)
        await transaction.add_checkout(CHECKOUT)
        await transaction.commit()

    await database.write(add_both)

    assert await database.find_checkout_of_session(SESSION_ID) == later


async def test_one_checkout_is_kept_once(database: AnyDatabase) -> None:
    await database.write(add_checkout)

    with pytest.raises(RowsRefusedError):
        await database.write(add_checkout)


async def test_nothing_is_found_where_nothing_is(database: AnyDatabase) -> None:
    assert await database.find_checkout(CHECKOUT_ID) is None
    assert await database.find_checkout_of_session(SESSION_ID) is None
    assert await database.find_payment(SESSION_ID) is None
    assert await database.find_payments_claiming(CHECKOUT_ID) == []


async def test_payments_are_found_by_the_checkout_that_they_claim(
    database: AnyDatabase,
) -> None:
    spare = replace(PAYMENT, session_id=OTHER_SESSION_ID)
    foreign = Payment(session_id="cs_test_c3", facts=PaymentFacts(), updated_at_ms=NOW_MS)

    async def save(transaction: Transaction) -> None:
        await put(transaction, PAYMENT, spare, foreign)
        await transaction.commit()

    await database.write(save)

    found = await database.find_payments_claiming(CHECKOUT_ID)
    assert sorted(payment.session_id for payment in found) == [SESSION_ID, OTHER_SESSION_ID]


async def test_a_payment_that_is_saved_again_is_replaced(
    database: AnyDatabase, database_path: Path
) -> None:
    await database.write(save_payment)
    later = Payment(
        session_id=SESSION_ID,
        facts=PaymentFacts(paid=True, paid_at_s=7, amount_total_minor=5, currency="eur"),
        updated_at_ms=NOW_MS + 1,
    )

    async def save(transaction: Transaction) -> None:
        await put(transaction, later)
        await transaction.commit()

    await database.write(save)

    assert await database.find_payment(SESSION_ID) == later
    (row,) = query(database_path, "SELECT * FROM payments")
    assert (row["checkout_id"], row["amount_total_minor"], row["paid_at_s"]) == (None, 5, 7)


async def test_a_beat_is_written_and_written_again(
    database: AnyDatabase, database_path: Path
) -> None:
    await database.beat(1)
    await database.beat(2)

    assert query(database_path, "SELECT * FROM heartbeat") == [{"id": 1, "at_ms": 2}]


# --- what constraints refuse

EVENT_COLUMNS = "events (id, type, received_at_ms, state, reason, payload)"
PAYMENT_COLUMNS = (
    "payments (session_id, status, amount_total_minor, currency, facts, updated_at_ms)"
)
CHECKOUT_COLUMNS = (
    "checkouts (id, created_at_ms, mode, line_items, success_url, cancel_url, url, session_id,"
    " client_reference_id)"
)
LONG_URL = f"https://shop.example/{'0' * 4980}"
CART_ROW = (CHECKOUT_ID, 1, "payment", "[]", "s", "c", "u")


async def insert(transaction: Transaction, columns: str, values: tuple[object, ...]) -> None:
    """One row, as no use case would write it."""
    if isinstance(transaction, PostgresTransaction):
        marks = ", ".join(f"${n}" for n in range(1, len(values) + 1))
        await transaction.execute(f"INSERT INTO {columns} VALUES ({marks})", *values)  # noqa: S608 our rows
    else:
        assert isinstance(transaction, SqliteTransaction)
        marks = ", ".join("?" * len(values))
        transaction.execute(f"INSERT INTO {columns} VALUES ({marks})", values)  # noqa: S608 our rows


@pytest.mark.parametrize(
    ("columns", "values"),
    [
        (EVENT_COLUMNS, ("evt_1", "t", 1, "done", None, b"x")),
        (EVENT_COLUMNS, ("evt_1", "t", 1, "failed", None, b"x")),
        (EVENT_COLUMNS, ("evt_1", "t", 1, "folded", "why", b"x")),
        (EVENT_COLUMNS, ("evt_1", "t", 1, None, None, b"x")),
        (EVENT_COLUMNS, ("evt_1", None, 1, "folded", None, b"x")),
        (EVENT_COLUMNS, ("1", "t", 1, "folded", None, b"x")),
        (EVENT_COLUMNS, (None, "t", 1, "folded", None, b"x")),
        (EVENT_COLUMNS, ("evt_1", "t", 1, "folded", None, b"")),
        (EVENT_COLUMNS, ("evt_1", "t", 1, "folded", None, bytes(1_048_577))),
        (PAYMENT_COLUMNS, ("cs_1", "done", 1, "eur", "{}", 1)),
        (PAYMENT_COLUMNS, ("cs_1", None, 1, "eur", "{}", 1)),
        (PAYMENT_COLUMNS, ("cs_1", "paid", -1, "eur", "{}", 1)),
        (PAYMENT_COLUMNS, ("cs_1", "paid", 1, "euro", "{}", 1)),
        (PAYMENT_COLUMNS, ("pi_1", "paid", 1, "eur", "{}", 1)),
        (PAYMENT_COLUMNS, (None, "paid", 1, "eur", "{}", 1)),
        (PAYMENT_COLUMNS, ("cs_1", "paid", 1, "eur", None, 1)),
        (CHECKOUT_COLUMNS, (CHECKOUT_ID, 1, "setup", "[]", "s", "c", "u", None, None)),
        (CHECKOUT_COLUMNS, (f"{CHECKOUT_ID}x", *CART_ROW[1:], None, None)),
        (CHECKOUT_COLUMNS, ("0" * 40, *CART_ROW[1:], None, None)),
        (CHECKOUT_COLUMNS, (*CART_ROW, "pi_1", None)),
        (CHECKOUT_COLUMNS, (*CART_ROW, None, "")),
        (CHECKOUT_COLUMNS, (*CART_ROW[:6], None, None, None)),
        (CHECKOUT_COLUMNS, (*CART_ROW[:4], LONG_URL, "c", "u", None, None)),
        (CHECKOUT_COLUMNS, (*CART_ROW[:4], "s", LONG_URL, "u", None, None)),
        ("payment_links (object_id, session_id)", ("pi_1", "cs_of_nobody")),
        ("heartbeat (id, at_ms)", (2, 1)),
        ("reconciliation (id, holder, lease_until_ms)", (2, "one", 1)),
        ("orders_table_progress (id, tx, seq, holder, until_ms)", (2, 1, 1, "one", 1)),
        ("events (id, type, received_at_ms, state, source)", ("evt_1", "t", 1, "folded", "x")),
    ],
)
async def test_a_row_that_cannot_be_true_is_refused(
    database: AnyDatabase, columns: str, values: tuple[object, ...]
) -> None:
    async def insert_it(transaction: Transaction) -> None:
        await insert(transaction, columns, values)
        await transaction.commit()

    with pytest.raises(RowsRefusedError):
        await database.write(insert_it)


@pytest.mark.parametrize(
    ("columns", "values"),
    [
        (EVENT_COLUMNS, ("evt_1", "t", 1, "folded", None, bytes(1_048_576))),
        (PAYMENT_COLUMNS, ("cs_1", "paid", 0, "eur", "{}", 1)),
        (PAYMENT_COLUMNS, ("cs_1", "open", None, None, "{}", 1)),
        (CHECKOUT_COLUMNS, (*CART_ROW, None, "r")),
    ],
)
async def test_a_row_at_the_edge_of_what_is_true_is_taken(
    database: AnyDatabase, database_path: Path, columns: str, values: tuple[object, ...]
) -> None:
    async def insert_it(transaction: Transaction) -> None:
        await insert(transaction, columns, values)
        await transaction.commit()

    await database.write(insert_it)

    assert count(database_path, columns.partition(" ")[0]) == 1


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
async def test_a_number_that_the_database_cannot_hold_is_refused(
    database: AnyDatabase, number: int
) -> None:
    with pytest.raises(RowsRefusedError):
        await database.beat(number)


async def test_a_refused_row_is_not_quoted(database: AnyDatabase) -> None:
    """A server quotes the failing row, whose payload is somebody's; no log may get it."""
    personal = replace(EVENT, id="no event's id", payload=b"jane@example.com")

    async def add(transaction: Transaction) -> None:
        await put(transaction, personal)

    with pytest.raises(RowsRefusedError) as refused:
        await database.write(add)

    trace = "".join(traceback.format_exception(refused.value))
    assert "jane" not in trace
    assert b"jane@example.com".hex() not in trace


async def test_a_refused_row_wakes_nobody(database: AnyDatabase, alarm: SilentAlarm) -> None:
    with pytest.raises(RowsRefusedError):
        await database.beat(2**63)

    assert alarm.told == []


async def test_after_a_refused_row_the_next_is_taken(
    database: AnyDatabase, database_path: Path
) -> None:
    with pytest.raises(RowsRefusedError):
        await database.beat(2**63)

    await database.write(add_event)

    assert count(database_path) == 1


# --- events, and what is found by them


async def committed(
    database: AnyDatabase, *acts: Callable[[Transaction], Awaitable[object]]
) -> None:
    async def do_all(transaction: Transaction) -> None:
        for act in acts:
            await act(transaction)
        await transaction.commit()

    await database.write(do_all)


def events(*ids: str, **changes: Any) -> list[EventRow]:  # noqa: ANN401 any field
    return [replace(EVENT, id=id_, **changes) for id_ in ids]


async def test_of_events_that_are_kept_already_only_the_new_ones_are_told(
    database: AnyDatabase,
) -> None:
    await committed(database, lambda t: put(t, *events("evt_b", "evt_a")))

    async def add(transaction: Transaction) -> Collection[str]:
        return await put(transaction, *events("evt_a", "evt_b", "evt_c"))

    assert list(await database.write(add)) == ["evt_c"]


async def test_a_failed_event_is_replaced_by_one_that_does_not_fail(database: AnyDatabase) -> None:
    failed = events("evt_1", "evt_2", state=EventState.FAILED, reason="an old defect")
    folded = events("evt_1", state=EventState.FOLDED, payload=b"{ }")
    await committed(database, lambda t: put(t, *failed))

    async def known() -> Collection[str]:
        return (await look(database, known=["evt_1", "evt_2", "evt_3"])).known_events

    assert set(await known()) == set()
    await committed(database, lambda t: put(t, *folded, failed[1]))

    assert set(await known()) == {"evt_1"}
    assert await database.read(lambda t: t.find_event("evt_1")) == folded[0]


@pytest.mark.parametrize("livemode", [True, False, None])
async def test_an_event_is_read_as_it_was_written(
    database: AnyDatabase,
    livemode: bool | None,  # noqa: FBT001 one of its fields
) -> None:
    event = replace(EVENT, livemode=livemode, account="acct_1", payload=bytes(range(256)))
    await committed(database, lambda t: put(t, event))

    assert await database.read(lambda t: t.find_event(event.id)) == event
    assert await database.read(lambda t: t.find_event("evt_other")) is None


async def test_pages_of_ids_are_in_the_order_of_their_bytes(database: AnyDatabase) -> None:
    ids = ["evt_1", "evt_A", "evt_B", "evt__", "evt_a", "evt_b", "evt_\u00e9"]
    await committed(database, lambda t: put(t, *events(*reversed(ids))))

    async def pages(transaction: EventBook) -> list[str]:
        found: list[str] = []
        while page := await transaction.event_ids(
            EventState.RECORDED if len(found) % 2 else None, after=max(found, default=""), limit=3
        ):
            found.extend(page)
        return found

    assert await database.read(pages) == ids


async def test_pages_of_ids_are_of_one_state_alone(database: AnyDatabase) -> None:
    waiting = events("evt_2", state=EventState.WAITING)
    await committed(database, lambda t: put(t, *events("evt_1"), *waiting))

    found = await database.read(lambda t: t.event_ids(EventState.WAITING, after="", limit=9))

    assert found == ["evt_2"]


async def test_sessions_are_those_of_payments_and_those_of_events_of_their_own(
    database: AnyDatabase,
) -> None:
    mentions = [
        Mention(object_id, f"evt_{n}")
        for n, object_id in enumerate(["cs_b", "cs_B", "cs_b", "pi_1", "ch_1", "cus_1", SESSION_ID])
    ]
    await committed(database, lambda t: put(t, PAYMENT), lambda t: put(t, *mentions))

    assert await database.read(lambda t: t.session_ids(after="", limit=9)) == [
        "cs_B",
        "cs_b",
        SESSION_ID,
    ]
    assert await database.read(lambda t: t.session_ids(after="cs_B", limit=1)) == ["cs_b"]


async def test_events_are_found_by_what_they_mention(database: AnyDatabase) -> None:
    payload = to_body(event(id="evt_1"))
    mentions = [Mention("pi_1", "evt_1"), Mention("pi_1", "evt_1"), Mention("ch_1", "evt_2")]
    await committed(
        database,
        lambda t: put(t, *events("evt_1", payload=payload)),
        lambda t: put(t, *events("evt_2", "evt_3")),
        lambda t: put(t, *mentions),
    )

    found = await look(database, around=["re_1", "pi_1"], mentioning={"pi_1", "re_1"})
    stored = await look(database, events=["evt_2", "evt_1", "evt_9"])

    assert [(each.id, each.event and each.event.id) for each in found.events] == [
        ("evt_1", "evt_1")
    ]
    assert list(found.mentioned) == ["pi_1"]
    assert [each.id for each in stored.events] == ["evt_1", "evt_2"]


async def test_nothing_is_found_around_nothing(database: AnyDatabase) -> None:
    assert await look(database) == Surroundings()


async def test_no_more_events_are_found_than_asked_for(database: AnyDatabase) -> None:
    mentions = [Mention(object_id, f"evt_{n}") for n in range(1, 5) for object_id in ("a", "b")]
    await committed(
        database,
        lambda t: put(t, *events("evt_1", "evt_2", "evt_3", "evt_4")),
        lambda t: put(t, *mentions),
    )

    found = (await look(database, mentioning={"a", "b"}, limit=3)).events
    whole = (await look(database, mentioning={"a", "b"}, limit=4)).events
    after = (await look(database, wake=Wake("a", "evt_1"), limit=2)).events

    assert len({each.id for each in found}) == 3
    assert [each.id for each in whole] == ["evt_1", "evt_2", "evt_3", "evt_4"]
    assert [each.id for each in after] == ["evt_2", "evt_3"]


async def test_what_is_left_to_be_woken_is_kept_until_it_is_forgotten(
    database: AnyDatabase,
) -> None:
    first, second = Wake("ch_1", "evt_5"), Wake("pi_1")
    await committed(
        database,
        lambda t: put(t, Wake("pi_1", "evt_9"), first),
        lambda t: put(t, second),
    )

    found = (await look(database, wakes_max=9)).wakes
    page = (await look(database, wakes_max=1)).wakes
    await committed(database, lambda t: t.record((), Outcome(awake=["ch_1", "pi_2"])))

    assert found == [first, second]
    assert page == [first]
    assert (await look(database, wakes_max=9)).wakes == [second]


async def test_replayed_events_end_as_they_were_settled_and_only_waiting_ones_wake(
    database: AnyDatabase,
) -> None:
    states = [EventState.WAITING, EventState.RECORDED, EventState.UNREAD]
    rows = [replace(EVENT, id=f"evt_{n}", state=state) for n, state in enumerate(states)]
    failed = Settled(event_id="evt_2", state=EventState.FAILED, reason="no such thing")
    await committed(
        database,
        lambda t: put(t, *rows),
        lambda t: t.record((), Outcome(woken_ids=["evt_0", "evt_1"], settled=[failed])),
    )

    listed = await database.read(lambda t: t.list_events(EventQuery()))

    assert {each.id: (each.state, each.reason) for each in listed} == {
        "evt_0": (EventState.FOLDED, None),
        "evt_1": (EventState.RECORDED, None),
        "evt_2": (EventState.FAILED, "no such thing"),
    }


async def test_events_are_listed_latest_first_by_state_type_and_payment(
    database: AnyDatabase,
) -> None:
    rows = [
        replace(EVENT, id="evt_1", received_at_ms=1, type="a"),
        replace(EVENT, id="evt_2", received_at_ms=2, type="b"),
        replace(EVENT, id="evt_3", received_at_ms=3, type="a", state=EventState.WAITING),
        replace(EVENT, id="evt_4", received_at_ms=4, type="a", payload=None),
    ]
    await committed(
        database,
        lambda t: put(t, *rows),
        lambda t: put(t, PAYMENT),
        lambda t: put(t, Link("pi_1", SESSION_ID), Link("pi_1", SESSION_ID)),
        lambda t: put(t, Mention("pi_1", "evt_4"), Mention(SESSION_ID, "evt_2")),
    )

    async def ids(**wanted: Any) -> list[str]:  # noqa: ANN401 any field
        found = await database.read(lambda t: t.list_events(EventQuery(**wanted)))
        return [each.id for each in found]

    assert await ids() == ["evt_3", "evt_2", "evt_1"]  # without those whose payload's time is over
    assert await ids(limit=1) == ["evt_3"]
    assert await ids(state=EventState.RECORDED) == ["evt_2", "evt_1"]
    assert await ids(type="a") == ["evt_3", "evt_1"]
    assert await ids(payment=SESSION_ID) == ["evt_4", "evt_2"]
    assert await ids(payment=SESSION_ID, type="b") == ["evt_2"]


async def test_payloads_of_before_are_forgotten_a_few_at_once(database: AnyDatabase) -> None:
    rows = [replace(EVENT, id=f"evt_{n}", received_at_ms=n) for n in range(4)]
    await committed(database, lambda t: put(t, *rows))

    async def prune(transaction: Transaction) -> int:
        pruned = await transaction.prune_payloads(before_ms=3, limit=2)
        await transaction.commit()
        return pruned

    assert [await database.write(prune) for _ in range(3)] == [2, 1, 0]
    kept = await database.read(lambda t: t.list_events(EventQuery()))
    assert [each.id for each in kept] == ["evt_3"]


async def test_who_is_alone_leads(database: AnyDatabase) -> None:
    assert await database.write(lambda t: t.try_to_lead())


async def test_links_are_kept_once_and_found_by_their_objects(database: AnyDatabase) -> None:
    links = [Link("pi_1", SESSION_ID), Link("pi_1", SESSION_ID), Link("ch_1", SESSION_ID)]
    await committed(database, lambda t: put(t, PAYMENT), lambda t: put(t, *links))

    found = await look(database, around=["pi_1", "pi_2"])

    assert list(found.links) == [Link("pi_1", SESSION_ID)]
    assert found.payments == {SESSION_ID: PAYMENT}


async def test_checkouts_are_found_by_session_by_link_by_payment_and_by_their_ids(
    database: AnyDatabase,
) -> None:
    price = Money(amount_minor=500, currency="eur")
    own = replace(CHECKOUT, expected=price)
    named, claimed, other = (
        replace(CHECKOUT, id=f"{CHECKOUT_ID[:-1]}{letter}", session_id=None, key_digest="d" * 64)
        for letter in "vwx"
    )
    payment = replace(PAYMENT, facts=PaymentFacts(checkout_id=claimed.id))
    await committed(database, lambda t: put(t, own, named, claimed, other, payment))
    await committed(database, lambda t: put(t, Link("pi_1", SESSION_ID)))

    by_link = await look(database, around=["pi_1"], checkout_ids=[named.id])
    by_session = await look(database, around=[SESSION_ID])
    by_id = await look(database, checkout_ids=[other.id])

    assert {sold.id: sold for sold in by_link.checkouts} == {
        own.id: SoldCheckout(id=own.id, session_id=SESSION_ID, key_digest=None, expected=price),
        claimed.id: SoldCheckout(
            id=claimed.id, session_id=None, key_digest="d" * 64, expected=None
        ),
        named.id: SoldCheckout(id=named.id, session_id=None, key_digest="d" * 64, expected=None),
    }
    assert {sold.id for sold in by_session.checkouts} == {own.id, claimed.id}
    assert {sold.id for sold in by_id.checkouts} == {other.id}


async def test_recoveries_are_found_from_their_first_session_on_and_back(
    database: AnyDatabase,
) -> None:
    def recovery(session_id: str, recovered_from: str | None) -> Payment:
        facts = PaymentFacts(recovered_from=recovered_from)
        return replace(PAYMENT, session_id=session_id, facts=facts)

    chain = [recovery("cs_2", SESSION_ID), recovery("cs_3", "cs_2"), recovery("cs_9", "cs_8")]
    ring = [recovery("cs_x", "cs_y"), recovery("cs_y", "cs_x")]
    await committed(
        database,
        lambda t: t.add_checkout(CHECKOUT),
        lambda t: put(t, PAYMENT, *chain, *ring),
    )

    async def kin(session_id: str) -> set[str]:
        return {each.session_id for each in await database.find_recoveries(session_id)}

    assert await kin(SESSION_ID) == {SESSION_ID, "cs_2", "cs_3"}
    assert await kin("cs_2") == {"cs_2", "cs_3"}
    assert await kin("cs_8") == {"cs_9"}
    assert await kin("cs_x") == {"cs_x", "cs_y"}
    assert await database.find_checkout_recovered("cs_3") == CHECKOUT
    for stranger in (SESSION_ID, "cs_9", "cs_x", "cs_nobody"):
        assert await database.find_checkout_recovered(stranger) is None


async def test_versions_are_found_by_session_and_by_checkout(database: AnyDatabase) -> None:
    other = replace(PAYMENT, session_id=OTHER_SESSION_ID, facts=PaymentFacts(), version=7)
    await committed(database, lambda t: put(t, PAYMENT, other))

    def found(versions: Sequence[PaymentVersion]) -> list[tuple[str, int]]:
        return sorted((each.session_id, each.version) for each in versions)

    assert found(await database.versions([OTHER_SESSION_ID], [CHECKOUT_ID])) == [
        (SESSION_ID, 1),
        (OTHER_SESSION_ID, 7),
    ]
    assert found(await database.versions([], [])) == []


async def test_a_read_sees_one_moment_despite_concurrent_commits(
    database: AnyDatabase, database_path: Path
) -> None:
    await committed(database, lambda t: put(t, PAYMENT))

    async def look_twice(transaction: Transaction) -> tuple[object, object]:
        wanted = Wanted(around=[SESSION_ID])
        before = await transaction.look_around(wanted)
        query(database_path, "UPDATE payments SET version = 9")
        return before.payments, (await transaction.look_around(wanted)).payments

    before, after = await database.read(look_twice)

    assert before == after == {SESSION_ID: PAYMENT}


# --- keys


def claimed(**changes: Any) -> Claim:  # noqa: ANN401 any field
    values: dict[str, Any] = {
        "key_digest": "a" * 64,
        "fingerprint": "b" * 64,
        "checkout_id": CHECKOUT_ID,
        "state": ClaimState.CREATING,
        "lease_until_ms": NOW_MS + 5,
        "created_at_ms": NOW_MS,
    }
    return Claim(**(values | changes))


async def test_a_key_has_one_holder_until_it_is_given_back(database: AnyDatabase) -> None:
    first, second = claimed(), claimed(checkout_id=CHECKOUT_ID[:-1] + "v")

    async def claim(transaction: Transaction, wanted: Claim) -> Claim:
        holder = await transaction.claim(wanted, dead_before_ms=0)
        await transaction.commit()
        return holder

    holders = await asyncio.gather(
        *(database.write(partial(claim, wanted=wanted)) for wanted in (first, second))
    )

    assert holders[0] == holders[1] in (first, second)
    assert await database.find_claim(first.key_digest) == holders[0]
    await committed(database, lambda t: t.free_claim(first.key_digest, holders[0].checkout_id))
    assert await database.find_claim(first.key_digest) is None


async def test_a_key_is_fulfilled_by_its_holder_alone_and_forgotten_in_time(
    database: AnyDatabase,
) -> None:
    claim = claimed()
    await committed(database, lambda t: t.claim(claim, dead_before_ms=0))

    async def fulfil(transaction: Transaction, checkout_id: str) -> bool:
        is_mine = await transaction.fulfil_claim(claim.key_digest, checkout_id)
        await transaction.commit()
        return is_mine

    async def forget(transaction: Transaction, before_ms: int) -> int:
        forgotten = await transaction.forget_claims(dead_before_ms=before_ms)
        await transaction.commit()
        return forgotten

    assert not await database.write(partial(fulfil, checkout_id="somebody else's"))
    assert await database.write(partial(fulfil, checkout_id=CHECKOUT_ID))
    assert await database.find_claim(claim.key_digest) == replace(claim, state=ClaimState.OPEN)
    assert await database.write(partial(forget, before_ms=NOW_MS)) == 0
    assert await database.write(partial(forget, before_ms=NOW_MS + 1)) == 1


# --- when it fails


async def test_missing_tables_are_reported(
    database: AnyDatabase, database_path: Path, alarm: SilentAlarm
) -> None:
    query(database_path, "ALTER TABLE payments RENAME TO elsewhere")

    with pytest.raises(StorageUnavailableError, match="cannot be written"):
        await database.write(save_payment)
    with pytest.raises(StorageUnavailableError, match="cannot be read"):
        await database.find_payment(SESSION_ID)
    with pytest.raises(StorageUnavailableError, match="cannot be read"):
        await look(database, around=[SESSION_ID])

    assert alarm.names == [AlertName.STORAGE_UNAVAILABLE]
