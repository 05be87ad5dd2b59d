"""A server that stops, crashes, hangs, refuses or fills up under load, and recovers.

Whatever happens: a write that was acknowledged is there, an event is folded once, everybody else
gets `StorageUnavailableError` in time, and the first write after the server's return succeeds.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest

from app.adapters.database.postgres.connections import ACT_TIMEOUT_S
from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.postgres.schema import migrate_postgres
from app.domain.errors import RowsRefusedError, StorageUnavailableError
from app.domain.stripe_events.event import read_event
from app.usecases.record_events import ReceivedEvent, RecordEvents
from tests.support.builders import DEADLINE_S, FixedClock, SilentAlarm, event, session, to_body
from tests.support.postgres_server import SAFE, PostgresServer, fetch, new_server

RECOVERY_S = 30.0
SENDERS = 8


@pytest.fixture(scope="module")
def migrated_server() -> Iterator[PostgresServer]:
    """A server that flushes every commit, and that each test of this file gets running."""
    with new_server({**SAFE, "max_connections": "12", "superuser_reserved_connections": "3"}) as it:
        migrate_postgres(it.url(), name="the test's")
        it.execute("CREATE ROLE shop LOGIN")
        it.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO shop")
        yield it


@pytest.fixture
def server(migrated_server: PostgresServer) -> Iterator[PostgresServer]:
    yield migrated_server
    if migrated_server.process is None:
        migrated_server.start()
    migrated_server.execute("TRUNCATE events, event_mentions, payments, payment_links")


@dataclass(slots=True)
class Load:
    """Some who send events, each its next as soon as the last one was answered, like Stripe."""

    database: PostgresDatabase
    acknowledged: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    last_success_at: float = 0.0

    async def send(self, sender: int) -> None:
        number = 0
        while True:
            number += 1
            await self._send(f"{sender}_{number}")

    async def _send(self, name: str) -> None:
        document = event(
            id=f"evt_{name}", subject=session(id=f"cs_test_{name}", payment_intent=f"pi_{name}")
        )
        record = RecordEvents(
            database=self.database,
            clock=FixedClock(),
            alarm=SilentAlarm(),
            on_change=lambda _: None,
        )
        began = time.monotonic()
        try:
            await record([ReceivedEvent(read_event(document), to_body(document))])
        except RowsRefusedError:
            raise
        except StorageUnavailableError:
            self.failed.append(document["id"])
            await asyncio.sleep(0.01)
        else:
            self.acknowledged.append(document["id"])
            self.last_success_at = time.monotonic()
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)

    async def until_it_succeeds(self) -> None:
        """Wait for an answer to what was sent from now on."""
        now = time.monotonic()
        await self.until(lambda: self.last_success_at > now + 0.01)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(2 * DEADLINE_S):
            while not condition():  # noqa: ASYNC110 counts, which no event tells
                await asyncio.sleep(0.01)


@asynccontextmanager
async def load_on(server: PostgresServer, user: str = "shop") -> AsyncIterator[Load]:
    database = PostgresDatabase(server.url(user=user), SilentAlarm())
    load = Load(database)
    senders = [asyncio.create_task(load.send(number)) for number in range(SENDERS)]
    try:
        await load.until(lambda: len(load.acknowledged) > SENDERS)
        yield load
    finally:
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)
        await database.close()


async def assert_nothing_is_lost_or_doubled(server: PostgresServer, load: Load) -> None:
    # One statement sees one moment: the last sender's commit may still be on its way.
    rows = await fetch(
        server.url(),
        "SELECT id, state, session_id, version, status FROM events"
        " FULL JOIN payments ON substr(session_id, 9) = substr(id, 5)",
    )

    assert set(load.acknowledged) <= {row["id"] for row in rows}
    assert all(row["id"] and row["session_id"] for row in rows)
    assert {(row["state"], row["version"], row["status"]) for row in rows} == {
        ("folded", 1, "paid")
    }


@pytest.mark.parametrize(
    "how", [signal.SIGINT, signal.SIGKILL], ids=["stopped and started", "killed"]
)
async def test_a_restart_under_load_costs_503s_alone(
    server: PostgresServer, how: signal.Signals
) -> None:
    async with load_on(server) as load:
        await asyncio.to_thread(server.stop, how)
        failed = len(load.failed)
        await load.until(lambda: len(load.failed) > failed + SENDERS)  # refused, each of them

        await asyncio.to_thread(server.start)
        returned_at = time.monotonic()
        await load.until_it_succeeds()

        assert time.monotonic() - returned_at < RECOVERY_S
    await assert_nothing_is_lost_or_doubled(server, load)


async def test_a_server_that_hangs_is_given_up_in_time_and_found_again(
    server: PostgresServer,
) -> None:
    async with load_on(server) as load:
        server.pause()
        try:
            await load.until(lambda: len(load.failed) >= SENDERS)
        finally:
            server.resume()
        returned_at = time.monotonic()
        await load.until_it_succeeds()

        assert time.monotonic() - returned_at < RECOVERY_S
        assert load.slowest_s < ACT_TIMEOUT_S + 1
    await assert_nothing_is_lost_or_doubled(server, load)


async def test_a_server_without_a_free_connection_is_reported_and_used_again_later(
    server: PostgresServer,
) -> None:
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'shop'")
    others = [await asyncpg.connect(server.url(user="shop")) for _ in range(9)]
    database = PostgresDatabase(server.url(user="shop"), SilentAlarm())

    with pytest.raises(StorageUnavailableError) as failed:
        await database.write_heartbeat(1)
    await asyncio.gather(*(other.close() for other in others))

    assert failed.value.reason
    assert failed.value.reason.startswith("53300 ")
    async with asyncio.timeout(RECOVERY_S):
        while not await succeeds(database):  # noqa: ASYNC110 only a try can tell
            await asyncio.sleep(0.01)
    await database.close()


async def test_a_primary_that_has_become_read_only_is_left_for_the_new_one(
    server: PostgresServer,
) -> None:
    """A failover as a client sees it: connections of before reach what is a standby now."""
    database = PostgresDatabase(server.url(user="shop"), SilentAlarm())
    await database.write_heartbeat(1)
    server.execute("ALTER ROLE shop SET default_transaction_read_only = on")
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'shop'")

    with pytest.raises(StorageUnavailableError) as failed:
        await database.write_heartbeat(2)
    server.execute("ALTER ROLE shop RESET default_transaction_read_only")

    assert failed.value.reason
    assert failed.value.reason.startswith("25006 ")
    await database.write_heartbeat(3)
    await database.close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small disk")
async def test_a_full_disk_is_reported_and_work_continues_when_there_is_space() -> None:
    with small_disk("112m") as disk:
        settings = {**SAFE, "max_wal_size": "32MB", "min_wal_size": "32MB"}
        with new_server({**settings, "wal_recycle": "off"}, data_on=disk) as server:
            await asyncio.to_thread(migrate_postgres, server.url(), name="the test's")
            async with load_on(server, user="postgres") as load:
                ballast = disk / "ballast"
                await asyncio.to_thread(fill, ballast)
                await load.until(lambda: len(load.failed) > SENDERS)

                await asyncio.to_thread(ballast.unlink)
                if await asyncio.to_thread(has_ended, server):  # a full log ends the server
                    await asyncio.to_thread(server.start)
                returned_at = time.monotonic()
                await load.until_it_succeeds()

                assert time.monotonic() - returned_at < RECOVERY_S
            await assert_nothing_is_lost_or_doubled(server, load)


async def succeeds(database: PostgresDatabase) -> bool:
    try:
        await database.write_heartbeat(2)
    except StorageUnavailableError:
        return False
    return True


@contextmanager
def small_disk(size: str) -> Iterator[Path]:
    """A folder that holds no more than so much. Not in pytest's own, which is closed to others."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    assert mount
    assert umount
    path = Path(tempfile.mkdtemp(prefix="altan-small-disk-"))
    path.chmod(0o755)
    disk = path / "disk"
    disk.mkdir()
    options = f"size={size},mode=0700,uid=nobody,gid=nogroup"
    command = [mount, "-t", "tmpfs", "-o", options, "none", str(disk)]
    if subprocess.run(command, check=False).returncode:  # noqa: S603 ours
        pytest.skip("a container without the right to mount")
    try:
        yield disk
    finally:
        subprocess.run([umount, "-l", disk], check=True)  # noqa: S603 ours
        shutil.rmtree(path)


def fill(path: Path) -> None:
    """Take all the room that is left."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


def has_ended(server: PostgresServer) -> bool:
    """Whether the server has stopped by itself, or is about to."""
    assert server.process
    try:
        server.process.wait(2)
    except subprocess.TimeoutExpired:
        return False
    return True
