"""How long a page of GET /orders takes with many orders, for each filter, on both databases.

Run `python -m bench.order_pages`; it fails where a p99 is over `P99_MS_MAX`.
"""

import argparse
import json
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import urlencode

from bench import requests
from bench.contenders import DATABASE, Contender, Stage, Started, service
from bench.load import quantile
from bench.machine import Cores
from bench.postgres import Database, postgres
from tests.support.postgres_server import fetch, run_apart

P99_MS_MAX: Final = 50.0
ORDERS: Final = 100_000
PAGES: Final = 200

_TOKEN: Final = "bench_token_q1w2e3r4t5y6u7i8o9"  # noqa: S105 of a service that lives for a minute
_BEGIN_S: Final = 1_700_000_000  # an order a minute since then
_MIDDLE: Final = "2023-12-31T00:00:00Z"
# Most orders are paid or expired; one of 2,000 each is disputed or refunded in full.
_KIND: Final = (
    "CASE WHEN i % 2000 = 7 THEN 'disputed' WHEN i % 3 = 0 THEN 'expired' ELSE 'paid' END"
)
_CREATED_S: Final = f"({_BEGIN_S} + i * 60)"
_FACTS: Final = f"""
    '{{"mode":"payment","amount_total_minor":5390,"currency":"eur","details":{{"created_s":'
    || CAST({_CREATED_S} AS text) || ',"client_reference_id":"order-' || CAST(i AS text) || '"}},'
    || CASE WHEN kind = 'expired' THEN '"expired":true}}'
            WHEN kind = 'disputed' THEN '"paid":true,"paid_at_s":1700000000,"disputes":{{"dp_'
                 || CAST(i AS text) || '":{{"state":"open","amount_minor":5390}}}}}}'
            ELSE '"paid":true,"paid_at_s":1700000000}}' END
"""
_KINDS: Final = f"""
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d),
    kinds (i, kind) AS (SELECT i, {_KIND} FROM n)
"""  # noqa: S608 our own words
# Every tenth session was made elsewhere, and has no checkout.
_FILL: Final = (
    f"""
    INSERT INTO checkouts (id, created_at_ms, mode, line_items, client_reference_id,
                           success_url, cancel_url, url, session_id, has_outcome)
    {_KINDS}
    SELECT 'chk_' || CAST(100000000000000000 + i AS text) || '000000000000000000',
           {_CREATED_S} * CAST(1000 AS bigint), 'payment',
           '[{{"price":"price_A","quantity":1}}]', 'order-' || CAST(i AS text),
           's', 'c', 'u', 'cs_' || CAST(i AS text), true
    FROM kinds WHERE i % 10 <> 0
    """,  # noqa: S608 our own words
    f"""
    INSERT INTO payments (session_id, status, amount_total_minor, currency, facts, updated_at_ms,
                          created_at_ms, client_reference_id, flagged)
    {_KINDS}
    SELECT 'cs_' || CAST(i AS text), kind, 5390, 'eur', {_FACTS},
           {_CREATED_S} * CAST(1000 AS bigint),
           {_CREATED_S} * CAST(1000 AS bigint), 'order-' || CAST(i AS text),
           kind = 'disputed'
    FROM kinds
    """,  # noqa: S608 our own words
)
FILTERS: Final = {
    "none": {},
    "created_gte and created_lt": {"created_gte": "2023-11-20T00:00:00Z", "created_lt": _MIDDLE},
    "client_reference_id": {"client_reference_id": "order-50001"},
    "status=paid": {"status": "paid"},
    "status=expired": {"status": "expired"},
    "status=disputed (few)": {"status": "disputed"},
    "status=open (none)": {"status": "open"},
    "flagged=true": {"flagged": "true"},
}


def main() -> int:
    """Fill, ask, and print a table for each database."""
    options = _options()
    is_slow = False
    with TemporaryDirectory(prefix="bench-", dir=options.folder) as folder:
        stage = Stage(Path(folder), Cores())
        with postgres(stage.new_folder()) as server:
            on_postgres = server.database("orders")
            for name, database in (("SQLite", None), ("PostgreSQL", on_postgres)):
                for filter_, took_ms in _measured(stage, database, options.orders, options.pages):
                    p50, p99 = quantile(took_ms, 0.5), quantile(took_ms, 0.99)
                    is_slow |= p99 > P99_MS_MAX
                    print(f"| {name} | {filter_} | {p50:.1f} | {p99:.1f} |", flush=True)  # noqa: T201 a command's words
    return 1 if is_slow else 0


def _measured(
    stage: Stage, database: Database | None, orders: int, pages: int
) -> Iterator[tuple[str, list[float]]]:
    contender = _contender(database)
    with stage.upstream(0) as upstream:
        port = upstream.process.port
        with stage.server(contender, upstream_port=port) as first:
            fill_orders(first, orders)
        with stage.server(contender, upstream_port=port, folder=first.folder) as second:
            for name, parameters in FILTERS.items():
                yield name, _pages(second.process.port, parameters, pages)


def _contender(database: Database | None) -> Contender:
    on_sqlite = service(requests.webhooks, "events")
    migrate = [on_sqlite.command[0], "migrate"]
    env = {"API_TOKENS": _TOKEN}
    return replace(on_sqlite, database=database, prepare=migrate, env=env)


def fill_orders(started: Started, orders: int) -> None:
    """Write rows as the service does, and let the database know how many there are."""
    texts = [text.replace("%d", str(orders)) for text in _FILL]
    database = started.contender.database
    if database:
        for text in (*texts, "ANALYZE"):
            run_apart(fetch(database.url, text))
        return
    with closing(sqlite3.connect(started.folder / DATABASE)) as connection, connection:
        for text in texts:
            connection.execute(text)


def _pages(port: int, parameters: dict[str, str], count: int) -> list[float]:
    """Ask for page after page, and begin again after the last; how long each took, ascending."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    took_ms: list[float] = []
    cursor: str | None = None
    for _ in range(count):
        query = urlencode(parameters | ({"cursor": cursor} if cursor else {}))
        began = time.perf_counter()
        connection.request("GET", f"/orders?{query}", headers={"Authorization": f"Bearer {_TOKEN}"})
        answer = connection.getresponse()
        document = json.loads(answer.read())
        took_ms.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:  # noqa: PLR2004 OK
            raise SystemExit(f"/orders?{query} gave {answer.status}: {document}")
        cursor = document["next_cursor"]
    connection.close()
    return sorted(took_ms)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.order_pages", description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS, help=f"default: {ORDERS:,}")
    parser.add_argument("--pages", type=int, default=PAGES, help=f"each filter; default: {PAGES}")
    parser.add_argument("--folder", type=Path, help="for the databases; on a disk, not in memory")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
