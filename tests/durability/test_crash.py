"""A process that is killed repeatedly, at any moment, loses nothing that it acknowledged."""

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Final

import pytest

from tests.support.builders import DEADLINE_S, query
from tests.support.commands import altan_checkout
from tests.support.comparing import PAID, expected_state, state_of
from tests.support.durability.kills import Load, start
from tests.support.durability.sending import deliver_all, integrity
from tests.support.faults.upstream import Upstream
from tests.support.processes import ServiceProcess, running_process
from tests.support.sizes import KILLS, chance_of, new_seed
from tests.support.variants import proves_payment

REPEATED_KEYS: Final = 50
FIRST_STARTS: Final = (KILLS + 2) // 3  # each takes as long as three kills
FIRST_START_S: Final = 1.5  # a first start takes about as long


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    upstream = Upstream()
    await upstream.start()
    yield upstream
    await upstream.stop()


@asynccontextmanager
async def started(
    folder: Path, upstream: Upstream, starts_s: list[float]
) -> AsyncIterator[ServiceProcess]:
    """The service, once it has said that it can commit; and how long that took."""
    began = time.perf_counter()
    environment = {"ALTAN_PAY_URL": upstream.url, "RATE_LIMIT_CHECKOUT": "off"}
    async with running_process(folder, **environment) as process:
        ready = await process.service.client.get("/health/ready")
        starts_s.append(time.perf_counter() - began)
        assert ready.status_code == 200, ready.text
        yield process


def check_acknowledged_is_kept(crashed: Path, load: Load, copies: Path) -> None:
    """Look at a copy: opening the file itself would take its recovery from the service."""
    path = copies / "checkout.db"
    for suffix in ("", "-wal"):
        if Path(f"{crashed}{suffix}").exists():
            shutil.copy(f"{crashed}{suffix}", f"{path}{suffix}")

    assert integrity(path) == "ok"
    kept = {row["id"] for row in query(path, "SELECT id FROM events")}
    assert load.acknowledged.keys() <= kept
    checkouts = {
        (row["id"], row["session_id"])
        for row in query(path, "SELECT id, session_id FROM checkouts")
    }
    assert {(bought.checkout_id, bought.session_id) for bought in load.bought} <= checkouts
    statuses = state_of(path).statuses
    proven = {
        document["data"]["object"]["id"]
        for document in load.acknowledged.values()
        if proves_payment(document)
    }
    assert {statuses.get(session_id) for session_id in proven} <= PAID
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


async def check_keys_kept(process: ServiceProcess, load: Load) -> None:
    """A key gives the checkout that it once gave, though the process has died since."""
    for bought in load.bought[:REPEATED_KEYS]:
        answer = await start(process.service.client, bought.key)
        assert answer.json()["checkout_id"] == bought.checkout_id


async def test_no_kill_takes_back_what_was_acknowledged(
    tmp_path: Path,
    database_path: Path,
    migrated_path: Path,
    upstream: Upstream,
    figures: list[str],
) -> None:
    seed = new_seed()
    print(f"PROOF_SEED={seed}")  # noqa: T201 pytest shows it where the test fails
    load, starts_s = Load(seed), list[float]()
    copies = tmp_path / "copies"
    copies.mkdir()

    for number in range(KILLS):
        async with started(tmp_path, upstream, starts_s) as process:
            await load.run_and_kill(process, number)
        check_acknowledged_is_kept(database_path, load, copies)
    async with started(tmp_path, upstream, starts_s) as process:
        answers = await deliver_all(load.sent, process.service)
        await check_keys_kept(process, load)

    assert {answer.status_code for _, answer in answers} == {200}
    expected_path = Path(shutil.copy(migrated_path, copies))
    expected = await expected_state(expected_path, load.sent)
    assert state_of(database_path) == expected
    ended = await altan_checkout(tmp_path, "events", "rebuild", "--json")
    report = json.loads(ended.output)
    assert (ended.status, report["differences"]) == (0, [])
    assert report["same"] == len(expected.payments)
    figures.append(
        f"crash: {KILLS} kills, {len(load.sent):,} events of {len(expected.payments):,} payments, "
        f"{len(load.bought):,} checkouts, {load.answers.total():,} answers under load; "
        f"start after a kill: median {median(starts_s[1:]):.2f} s, "
        f"worst {max(starts_s[1:]):.2f} s (PROOF_SEED={seed})"
    )


async def test_a_service_that_is_killed_in_its_first_start_starts_the_next_time(
    tmp_path: Path,
) -> None:
    """While the schema is made, by a child, which may live on for a moment."""
    seed = new_seed()
    print(f"PROOF_SEED={seed}")  # noqa: T201 as above
    for number in range(FIRST_STARTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        after_s = chance_of(seed, "first start", number).uniform(0, FIRST_START_S)

        first = asyncio.create_task(_live_on(folder))
        await asyncio.wait({first}, timeout=after_s)  # the moment is random, nothing is awaited
        first.cancel()  # which kills it, wherever it is
        await asyncio.wait({first}, timeout=DEADLINE_S)
        assert first.cancelled()
        async with running_process(folder) as process:
            ready = await process.service.client.get("/health/ready")

        assert ready.status_code == 200, f"PROOF_SEED={seed}"
        assert integrity(folder / "checkout.db") == "ok"


async def _live_on(folder: Path) -> None:
    async with running_process(folder):
        await asyncio.Event().wait()
