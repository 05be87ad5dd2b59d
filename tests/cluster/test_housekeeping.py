"""Housekeeping runs in one replica at a time, and nothing is done twice."""

import asyncio
from pathlib import Path
from typing import Final

from app.adapters.database.postgres.database import PostgresDatabase
from app.domain.checkout.idempotency import KEY_LIFE_MS
from app.usecases.housekeeping import PRUNE_BATCH, Housekeeping
from app.usecases.storage import Transaction
from tests.support.builders import (
    NOW_S,
    FixedClock,
    SilentAlarm,
    housekeeping,
    query,
    session,
    to_body,
    until,
)
from tests.support.builders import event as event_of
from tests.support.cluster.fleet import Shop, running_fleet
from tests.support.postgres_server import fetch

OLD: Final = 4 * PRUNE_BATCH + 1
NEW: Final = 7
NOW_MS: Final = NOW_S * 1000
RETENTION_DAYS: Final = 400
OLD_MS: Final = NOW_MS - (RETENTION_DAYS + 1) * 24 * 3600 * 1000

ADD_EVENTS: Final = """
    INSERT INTO events (id, type, created_s, received_at_ms, account, livemode, state, payload)
    SELECT 'evt_' || $1::text || number, 'customer.created', 1, $2::bigint, 'acct_shop', false,
           'recorded', '{}'::bytea
    FROM generate_series(1, $3::bigint) AS number
"""
ADD_KEYS: Final = """
    INSERT INTO idempotency_keys
        (key_digest, fingerprint, checkout_id, state, lease_until_ms, created_at_ms)
    SELECT lpad($1::text || number, 64, '0'), repeat('0', 64), 'chk_' || $1::text || number,
           'open', 1, $2::bigint
    FROM generate_series(1, $3::bigint) AS number
"""
PAYLOADS: Final = "SELECT count(*) AS count FROM events WHERE payload IS NOT NULL"
KEYS: Final = "SELECT count(*) AS count FROM idempotency_keys"


async def fill(url: str, *, old_ms: int, new_ms: int) -> None:
    """Rows that have had their time, and some that have not."""
    for name, at_ms, count in (("old_", old_ms, OLD), ("new_", new_ms, NEW)):
        await fetch(url, ADD_EVENTS, name, at_ms, count)
        await fetch(url, ADD_KEYS, name[0], at_ms, count)


async def rounds_of(keeper: Housekeeping) -> list[int]:
    """As its `run` has it: round after round, until one finds nothing; what each forgot."""
    counts = [await keeper()]
    while counts[-1]:
        counts.append(await keeper())
    return counts


async def test_two_replicas_at_once_forget_everything_old_once_and_nothing_else(
    shop_url: str,
) -> None:
    await fill(shop_url, old_ms=OLD_MS, new_ms=NOW_MS - KEY_LIFE_MS + 1)
    databases = [PostgresDatabase(shop_url, SilentAlarm()) for _ in range(2)]
    keepers = [
        housekeeping(database, FixedClock(), retention_days=RETENTION_DAYS)
        for database in databases
    ]

    forgotten = []
    while any(counts := await asyncio.gather(*(keeper() for keeper in keepers))):
        forgotten += counts
    for database in databases:
        await database.close()

    assert sum(forgotten) == 2 * OLD
    assert max(forgotten) <= 2 * PRUNE_BATCH
    for question in (PAYLOADS, KEYS):
        (left,) = await fetch(shop_url, question)
        assert left["count"] == NEW


async def test_while_one_replica_leads_the_other_does_nothing(shop_url: str) -> None:
    """The first leads, and dies before its commit: the second goes on where nobody has been."""
    await fill(shop_url, old_ms=OLD_MS, new_ms=NOW_MS)
    first, second = (PostgresDatabase(shop_url, SilentAlarm()) for _ in range(2))
    keeper = housekeeping(second, FixedClock(), retention_days=RETENTION_DAYS)
    leads, may_die = asyncio.Event(), asyncio.Event()

    async def lead_and_die(transaction: Transaction) -> int:
        assert await transaction.try_to_lead()
        forgotten = await transaction.prune_payloads(
            before_ms=NOW_MS, now_ms=NOW_MS, limit=PRUNE_BATCH
        )
        leads.set()
        await may_die.wait()
        return forgotten

    leader = asyncio.create_task(first.write(lead_and_die))
    await leads.wait()
    while_led = await keeper()
    may_die.set()
    assert await leader == PRUNE_BATCH
    counts = await rounds_of(keeper)
    await first.close()
    await second.close()

    assert while_led == 0
    assert sum(counts) == 2 * OLD


async def test_replicas_that_start_at_once_read_what_is_unread_once(
    shop: Shop, database_path: Path
) -> None:
    unread = [
        event_of(
            id=f"evt_unread_{number}",
            subject=session(id=f"cs_test_{number}", payment_intent=f"pi_{number}"),
        )
        for number in range(150)
    ]
    for document in unread:
        await fetch(
            shop.url,
            "INSERT INTO events (id, type, created_s, received_at_ms, account, livemode, state,"
            " payload) VALUES ($1, $2, 1, 4000000000000, 'acct_shop', false, 'unread', $3)",
            *(document["id"], document["type"], to_body(document)),
        )

    def is_done() -> bool:
        return not query(database_path, "SELECT 1 FROM events WHERE state = 'unread'")

    async with running_fleet(shop) as fleet:
        await until(is_done)
        lines = [line for replica in fleet.replicas for line in replica.running.lines]

    payments = query(database_path, "SELECT version, status FROM payments")
    states = query(database_path, "SELECT DISTINCT state FROM events WHERE id LIKE 'evt_unread%'")
    assert [payment["status"] for payment in payments] == ["paid"] * len(unread)
    assert {payment["version"] for payment in payments} == {1}
    assert [row["state"] for row in states] == ["folded"]
    assert not [line for line in lines if "background_work_failed" in line]
