"""The orders table from the event to the row: by the whole service, and over refusals."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from app.adapters.http_transport import AiohttpTransport
from app.adapters.orders_table import PostgrestTable
from app.adapters.orders_table_sql import orders_table_sql
from app.adapters.posts import CheckedResolver
from app.databases import AnyDatabase
from app.observability.metrics import Metrics
from app.observability.orders_table import OrdersTableReport
from app.usecases.keep_orders_table import RETRY_REFUSED_MS, KeepOrdersTable
from app.usecases.notification_document import documents_of, orders_of
from app.usecases.ports import AlertName
from app.usecases.watch_receiver import FAILING_MS
from tests.support.builders import (
    SESSION_ID,
    FixedClock,
    SilentAlarm,
    event,
    running_service,
    session,
    settings,
)
from tests.support.postgrest import KEY, Postgrest, postgrest, said
from tests.support.recording import record
from tests.support.stripe_objects import charge
from tests.support.wire import Script, hangs

SQL = orders_table_sql(with_personal=False)
REFUNDED = event("charge.refunded", charge(amount_refunded=100), id="evt_2")


def postgres_url_in(path: Path) -> str | None:
    return path.read_text() if path.suffix == ".url" else None


@pytest.mark.parametrize("database_kind", ["sqlite", "postgres"])
async def test_each_change_of_an_order_reaches_its_row(
    tmp_path: Path, database_path: Path, empty_postgres_url: str
) -> None:
    url = await asyncio.to_thread(postgres_url_in, database_path)
    async with postgrest(empty_postgres_url, SQL) as server:
        values = {"orders_table_url": server.table, "orders_table_key": KEY}
        values |= {"database_url": url} if url else {}
        async with running_service(settings(tmp_path, **values)) as service:
            await service.deliver(event())
            await server.wait_for_batches(1)
            (paid,) = await server.rows()
            await service.deliver(REFUNDED)
            await server.wait_for_batches(2)
            (refunded,) = await server.rows()

    assert (paid["id"], paid["checkout_id"], paid["status"]) == (SESSION_ID, None, "paid")
    assert (refunded["id"], refunded["status"]) == (SESSION_ID, "partially_refunded")
    assert refunded["amount_refunded"] == 100


@pytest.mark.usefixtures("database_path")
async def test_without_a_table_nothing_follows_the_feed(
    tmp_path: Path,
    database: AnyDatabase,
) -> None:
    async with running_service(settings(tmp_path)) as service:
        await service.deliver(event())

    assert await database.table_state() is None


@dataclass(frozen=True, slots=True)
class Kept:
    """A shop's database, and the table that is kept of it."""

    database: AnyDatabase
    clock: FixedClock
    alarm: SilentAlarm
    server: Postgrest
    keep: KeepOrdersTable


@pytest.fixture
async def kept(
    database: AnyDatabase, clock: FixedClock, alarm: SilentAlarm, empty_postgres_url: str
) -> AsyncIterator[Kept]:
    async with (
        AiohttpTransport(resolver=CheckedResolver()) as transport,
        postgrest(empty_postgres_url, SQL) as server,
    ):
        table = PostgrestTable(
            server.table,
            key=KEY,
            transport=transport,
            clock=clock,
            version="1.2.3",
            deadline_s=0.3,
        )
        keep = KeepOrdersTable(
            store=database,
            render=partial(documents_of, database),
            orders_of=partial(orders_of, database),
            report=OrdersTableReport(Metrics()),
            table=table,
            clock=clock,
            alarm=alarm,
            all_clear=alarm.over,
            holder="one",
        )
        yield Kept(database, clock, alarm, server, keep)


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (said(401, "42501"), "answered 401"),
        (said(404, "PGRST205"), "answered 404"),
        (hangs, "did not finish its answer within 0.3 s"),
    ],
    ids=["401", "404", "hangs"],
)
async def test_a_refusal_is_retried_told_after_an_hour_and_skips_nothing(
    kept: Kept, refusal: Script | bytes, words: str
) -> None:
    await kept.keep()
    await record(kept.database, event())
    kept.server.instead += [refusal, refusal]
    await kept.keep()
    assert kept.alarm.told == []
    kept.clock.ms += FAILING_MS
    await kept.keep()
    assert await kept.server.rows() == []
    kept.clock.ms += FAILING_MS
    await kept.keep()
    (row,) = await kept.server.rows()

    ((name, message),) = kept.alarm.told
    assert name is AlertName.NOTIFICATIONS_FAILING
    assert message.startswith("the orders table has taken nothing since ")
    assert message.endswith(words)
    assert (row["id"], kept.alarm.ended) == (SESSION_ID, [name])


async def test_a_row_that_a_rule_of_the_owner_refuses_waits_alone(kept: Kept) -> None:
    await kept.server.database.execute(
        "ALTER TABLE checkout_orders ADD CONSTRAINT few CHECK (amount_total < 1000)"
    )
    await kept.keep()
    await record(kept.database, event())
    cheap = session(id="cs_test_cheap", amount_total=100, payment_intent="pi_2")
    await record(kept.database, event(id="evt_2", subject=cheap))
    await kept.keep()
    assert [row["id"] for row in await kept.server.rows()] == ["cs_test_cheap"]
    ((_, message),) = kept.alarm.told
    assert message.startswith(f"the orders table answered 400 to the row of {SESSION_ID}")

    await kept.server.database.execute("ALTER TABLE checkout_orders DROP CONSTRAINT few")
    kept.clock.ms += RETRY_REFUSED_MS
    await kept.keep()

    assert [row["id"] for row in await kept.server.rows()] == [SESSION_ID, "cs_test_cheap"]
    assert kept.alarm.ended == [AlertName.NOTIFICATIONS_FAILING]
