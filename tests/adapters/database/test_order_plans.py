"""Lists of orders are read along an index on both databases, without scans or sorts."""

from pathlib import Path
from typing import Any

import pytest

from app.adapters.database import order_lists_sql as lists
from app.adapters.database import orders_sql as sql
from app.adapters.database.flags import DUE
from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from app.domain.payments.status import PaymentStatus
from app.usecases.orders import OrderFilter, OrderPosition, OrderRange
from app.usecases.storage import Transaction
from tests.support.builders import query

pytestmark = pytest.mark.anyio
AFTER = OrderPosition(created_at_ms=75_000, order_id="chk_5")
CREATED = ("ix_checkouts_created_at_ms", "ix_payments_created_at_ms")
REFERENCE = ("ix_checkouts_client_reference_id", "ix_payments_client_reference_id")
FILTERS = {
    "none": (OrderFilter(), CREATED),
    "created": (OrderFilter(created_gte_ms=1, created_lt_ms=99_000), CREATED),
    "reference": (OrderFilter(client_reference_id="order-1"), REFERENCE),
    "status": (OrderFilter(statuses=frozenset({PaymentStatus.EXPIRED})), CREATED),
    "open": (
        OrderFilter(statuses=frozenset({PaymentStatus.OPEN})),
        ("ix_checkouts_open", None),  # few payments are open, so they are sorted
    ),
    "flagged": (OrderFilter(flagged=True), CREATED),
}
PAID = frozenset({PaymentStatus.PAID})
ATTEMPTED = {  # merged from walks, the index of the longest
    "attempted": (OrderFilter(statuses=PAID), "_attempted"),
    "created": (OrderFilter(statuses=PAID, created_gte_ms=1), "_attempted"),
    "reference": (
        OrderFilter(statuses=PAID, client_reference_id="order-1"),
        "_attempted_reference",
    ),
    "flagged": (OrderFilter(statuses=PAID, flagged=True), "_attempted"),
    "open": (OrderFilter(statuses=PAID | {PaymentStatus.OPEN}), "_attempted"),
}
FEW: list[tuple[str, dict[str, object], str]] = [
    (sql.SESSIONS_OF_STATUS, {"statuses": ["disputed"], "limit": 5}, "ix_payments_status"),
    (sql.FLAGGED_SESSIONS, {"after": "", "limit": 5}, "ix_payments_flagged"),
    (sql.FLAGGED_SESSIONS, {"after": "", "limit": 5}, "ix_renewals_flagged"),
    (
        sql.CHECKOUTS_WITH_TWINS,
        {"session_ids": ["cs_1"], "checkout_ids": ["chk_1"]},
        "ix_checkouts_session_id",
    ),
    (sql.TWINS_OF, {"ids": ["chk_1"]}, "ix_checkouts_twin_key"),
    (sql.PAID_TWINS, {"since_ms": 99_000, "limit": 5}, "ix_payments_created_at_ms"),
    (sql.PAID_TWINS, {"since_ms": 99_000, "limit": 5}, "ix_checkouts_twin_key"),
    (sql.PAID_TWICE, {"limit": 5}, "ix_flag_causes_paid_twice"),
    (sql.SETTLE_CHECKOUTS, {"since_ms": 1, "limit": 5}, "ix_checkouts_open"),
    (sql.REOPEN_CHECKOUTS, {}, "ix_payments_"),
    (sql.MARK_ATTEMPTS, {"limit": 5}, "ix_payments_unnoted"),
    (sql.NOTE_ATTEMPTS, {"limit": 5}, "ix_payments_unnoted"),
    (DUE, {"now_ms": 5, "limit": 5}, "ix_flag_causes_remind_at_ms"),
    (sql.FAILED_EVENTS, {"limit": 5}, "ix_events_failed"),
    (sql.BODIES_WITH, {"needle": "@", "events_max": 50, "limit": 5}, "ix_events_payload"),
    (sql.BODIES_LOOKED_AT, {"events_max": 50}, "ix_events_payload"),
]


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


_NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"


@pytest.fixture(autouse=True)
def _many_orders(database_path: Path) -> None:
    """So many that reading them all would cost more than walking along an index."""
    query(
        database_path,
        "INSERT INTO checkouts (id, created_at_ms, mode, line_items, client_reference_id,"  # noqa: S608 ours
        " success_url, cancel_url, url, session_id, has_outcome, twin_key, has_attempt) "
        + _NUMBERS
        + " SELECT 'chk_' || CAST(100000000000000000 + i AS text) || '000000000000000000', i,"
        " 'payment', '[]', 'order-' || CAST(i AS text), 's', 'c', 'u',"
        " 'cs_' || CAST(i AS text), i % 5000 <> 0, CAST(i AS text), i % 2 = 0 FROM n",
    )
    query(
        database_path,
        "INSERT INTO payments (session_id, status, facts, updated_at_ms, created_at_ms,"  # noqa: S608 ours
        " client_reference_id, attempt_noted) "
        + _NUMBERS
        + " SELECT 'cs_' || CAST(i AS text), CASE i % 2 WHEN 0 THEN 'paid' ELSE 'expired' END,"
        " '{}', i, i, 'order-' || CAST(i AS text), i % 5000 <> 0 FROM n",
    )
    query(
        database_path,
        "INSERT INTO renewals (session_id, invoice_id, facts, flagged) "  # noqa: S608 ours
        + _NUMBERS
        + " SELECT 'cs_' || CAST(i AS text), 'in_1', '{}', i % 5000 = 0 FROM n",
    )
    query(
        database_path,
        "INSERT INTO flag_causes (order_id, flag, cause, remind_at_ms) "  # noqa: S608 ours
        + _NUMBERS
        + " SELECT 'cs_' || CAST(i AS text), 'disputed', 'dp_1',"
        " CASE WHEN i % 5000 = 0 THEN i END FROM n",
    )
    if database_path.suffix == ".url":
        query(database_path, "ANALYZE")


async def plan_of(
    database: SqliteDatabase | PostgresDatabase, text: str, values: dict[str, object]
) -> str:
    explain = "EXPLAIN QUERY PLAN" if isinstance(database, SqliteDatabase) else "EXPLAIN"

    async def look(transaction: Transaction) -> list[Any]:
        asking: Any = transaction
        return [tuple(row) for row in await asking.ask(f"{explain} {text}", **values)]

    return "\n".join(str(row) for row in await database.read(look))


async def test_a_page_is_read_along_an_index(
    database: SqliteDatabase | PostgresDatabase,
) -> None:
    for name, (wanted, indexes) in FILTERS.items():
        asked = OrderRange(wanted=wanted, after=AFTER, until=None, limit=50)
        for list_in, index in zip((lists.checkouts_in, lists.strangers_in), indexes, strict=True):
            if index is None:
                continue
            plan = await plan_of(database, *list_in(asked))

            assert index in plan, name
            for slow in ("Sort", "TEMP B-TREE", "Seq Scan", "SCAN checkouts\n"):
                assert slow not in plan, name
            # For a page, PostgreSQL must not hash all payments that have the status.
            assert name == "flagged" or "hashed" not in plan, name


async def test_a_page_of_attempted_payments_does_not_walk_over_the_other_orders(
    database: SqliteDatabase | PostgresDatabase,
) -> None:
    for name, (wanted, index) in ATTEMPTED.items():
        asked = OrderRange(wanted=wanted, after=AFTER, until=None, limit=50)
        for list_in, table in ((lists.checkouts_in, "checkouts"), (lists.strangers_in, "payments")):
            if name == "open" and table == "payments":
                continue  # those are read along the times
            plan = await plan_of(database, *list_in(asked))

            assert f"ix_{table}{index}" in plan, name
            assert f"ix_{table}_created_at_ms" not in plan, name
            assert f"ix_{table}_client_reference_id" not in plan, name
            for slow in ("Seq Scan", "SCAN checkouts')", "SCAN payments')"):
                assert slow not in plan, name


async def test_what_few_orders_can_be_is_found_by_an_index(
    database: SqliteDatabase | PostgresDatabase,
) -> None:
    for text, values, index in FEW:
        assert index in await plan_of(database, text, values)
