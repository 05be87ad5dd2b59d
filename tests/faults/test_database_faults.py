"""A database that cannot be written: buyers get an error, and Altan Pay is not called."""

import asyncio
import resource
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import pytest

from app.adapters.database.postgres.schema import migrate_postgres
from tests.support.builders import event, session
from tests.support.faults.service import Service, running_service
from tests.support.faults.upstream import Upstream
from tests.support.pgbouncer import pgbouncer_before
from tests.support.postgres_server import FAST, PostgresServer, fetch, new_server
from tests.support.processes import running_process

BUYERS = 20


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with new_server(FAST) as server:
        migrate_postgres(server.url(), name="the test's")
        yield server


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Somebody holds the write lock, as a backup or a forgotten shell does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def full(service: Service) -> Iterator[None]:
    """The kernel lets the process make no file longer, as a full disk would not."""
    pid = service.process.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, hard))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


@asynccontextmanager
async def stopped(server: PostgresServer) -> AsyncIterator[None]:
    await asyncio.to_thread(server.stop)
    try:
        yield
    finally:
        await asyncio.to_thread(server.start)


async def assert_nobody_is_called(service: Service, upstream: Upstream) -> None:
    """Once one write has failed, all buyers are refused together, and cost no session."""
    assert (await service.deliver()).status == 503
    calls = upstream.calls

    answers = await asyncio.gather(*(service.buy() for _ in range(BUYERS)))

    assert {(each.status, each.code) for each in answers} == {(503, "storage_unavailable")}
    assert all("retry-after" in each.headers for each in answers)
    assert upstream.calls == calls


async def test_while_somebody_holds_the_write_lock_nobody_is_called(
    upstream: Upstream, tmp_path: Path
) -> None:
    async with running_service(tmp_path, altan_pay_url=upstream.url, timeout_s=5) as service:
        assert (await service.buy()).status == 200

        with locked(tmp_path / "checkout.db"):
            await assert_nobody_is_called(service, upstream)

        assert (await service.buy()).status == 200  # the first one after it


async def test_while_the_disk_is_full_nobody_is_called(upstream: Upstream, tmp_path: Path) -> None:
    async with running_service(tmp_path, altan_pay_url=upstream.url, timeout_s=5) as service:
        assert (await service.buy()).status == 200

        with full(service):
            await assert_nobody_is_called(service, upstream)

        assert (await service.buy()).status == 200


async def test_while_postgresql_is_down_nobody_is_called(
    upstream: Upstream, tmp_path: Path, server: PostgresServer
) -> None:
    async with running_service(
        tmp_path, altan_pay_url=upstream.url, timeout_s=5, DATABASE_URL=server.url()
    ) as service:
        assert (await service.buy()).status == 200

        async with stopped(server):
            await assert_nobody_is_called(service, upstream)

        assert (await service.buy()).status == 200


async def test_through_pgbouncer_every_webhook_and_every_checkout_is_kept(
    upstream: Upstream, tmp_path: Path, server: PostgresServer
) -> None:
    with pgbouncer_before(server.url()) as url:
        async with running_process(
            tmp_path, DATABASE_URL=url, ALTAN_PAY_URL=upstream.url, RATE_LIMIT_CHECKOUT="off"
        ) as process:
            service = process.service
            paid = [
                event(id=f"evt_{n}", subject=session(id=f"cs_test_{n}", payment_intent=f"pi_{n}"))
                for n in range(200)
            ]
            delivering = [service.deliver(document) for document in paid]
            buying = [
                service.client.post(
                    "/checkout",
                    json={"line_items": [{"price": "price_ABC123", "quantity": 1}]},
                    headers={"Accept": "application/json", "Idempotency-Key": f"click-{n // 2}"},
                )
                for n in range(40)
            ]

            answers = await asyncio.gather(*delivering, *buying)
            status = (await service.client.get("/checkout/cs_test_199")).json()["status"]

        assert Counter(answer.status_code for answer in answers) == {200: 240}
        assert status == "paid"
    assert await fetch(
        server.url(),
        "SELECT (SELECT count(*) FROM events WHERE state = 'folded') AS events,"
        " (SELECT count(*) FROM payments) AS payments,"
        " (SELECT count(*) FROM idempotency_keys WHERE state = 'open') AS keys",
    ) == [{"events": 200, "payments": 200, "keys": 20}]
