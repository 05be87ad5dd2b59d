"""Only an event that is on disk is answered with 200."""

import asyncio
import resource
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from app.adapters.database.sqlite.database import SqliteDatabase
from app.usecases.storage import Database, Transaction
from tests.support.builders import SESSION_ID, event
from tests.support.processes import BOUND_BY_FILE_MODES, ServiceProcess, running_process
from tests.support.webhook_endpoint import event_ids, has_problem, serving_webhooks, webhooks_over

T = TypeVar("T")


@dataclass(slots=True)
class FailingCommits:
    """A real database that writes everything, and then cannot commit it while `failing`."""

    database: SqliteDatabase
    failing: bool = True
    commits: int = 0

    async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        async def sabotaged(transaction: Transaction) -> T:
            return await act(cast("Transaction", _Sabotaged(transaction, self)))

        return await self.database.write(sabotaged)


@dataclass(slots=True)
class _Sabotaged:
    transaction: Transaction
    by: FailingCommits

    def __getattr__(self, name: str) -> object:
        return getattr(self.transaction, name)

    async def commit(self) -> None:
        self.by.commits += 1
        if self.by.failing:
            raise sqlite3.OperationalError("disk I/O error")
        await self.transaction.commit()


def set_modes(database_path: Path, mode: int) -> None:
    """Also of the log and the index beside it, which SQLite makes with the database's mode."""
    for path in database_path.parent.glob(f"{database_path.name}*"):
        path.chmod(mode)


def is_writable(path: Path) -> bool:
    """Whether its mode lets anybody write, whoever asks."""
    return path.stat().st_mode & 0o222 != 0


async def test_a_commit_that_fails_is_never_answered_with_200(
    database: SqliteDatabase, database_path: Path
) -> None:
    failing = FailingCommits(database)

    async with serving_webhooks(webhooks_over(cast("Database", failing)), database_path) as service:
        refused = await service.deliver(event())
        assert event_ids(service) == []
        failing.failing = False
        taken = await service.deliver(event())

    assert has_problem(refused, 503, "storage_unavailable")
    assert int(refused.headers["retry-after"]) > 0
    assert taken.content == b'{"event_id":"evt_1","outcome":"recorded","reason":null}'
    assert event_ids(service) == ["evt_1"]


async def test_a_failed_commit_fails_every_item_of_the_batch(
    database: SqliteDatabase, database_path: Path
) -> None:
    failing = FailingCommits(database)

    async with serving_webhooks(webhooks_over(cast("Database", failing)), database_path) as service:
        answers = await asyncio.gather(*(service.deliver(event(id=f"evt_{n}")) for n in range(20)))

    assert {answer.status_code for answer in answers} == {503}
    assert failing.commits <= 20
    assert event_ids(service) == []


async def test_a_defect_of_ours_is_a_500_that_stripe_sends_again(
    database: SqliteDatabase, database_path: Path
) -> None:
    class Defect(FailingCommits):
        async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
            raise ZeroDivisionError(act)

    app = webhooks_over(cast("Database", Defect(database)))

    async with serving_webhooks(app, database_path) as service:
        answer = await service.deliver(event())

    assert has_problem(answer, 500, "internal_error")
    assert "ZeroDivisionError" not in answer.text


async def test_a_file_that_may_not_be_written_is_a_503_until_it_may(database_path: Path) -> None:
    """Read-only before the start: the kernel asks for permission only when a file is opened."""
    set_modes(database_path, 0o444)

    async with running_process(database_path.parent, BOUND_BY_FILE_MODES) as process:
        service = process.service
        refused = await service.deliver(event())

        assert has_problem(refused, 503, "storage_unavailable")
        assert "retry-after" in refused.headers
        ready = await service.client.get("/health/ready")
        assert (ready.status_code, ready.json()["failing"]) == (503, ["database"])
        assert (await service.client.get(f"/checkout/{SESSION_ID}")).status_code == 404
        assert not is_writable(database_path)  # we leave the operator's wish alone

        set_modes(database_path, 0o644)
        taken = await service.deliver(event())

        assert taken.json() == {"event_id": "evt_1", "outcome": "recorded", "reason": None}
        assert (await service.client.get(f"/checkout/{SESSION_ID}")).json()["status"] == "paid"


async def test_a_disk_that_is_full_is_a_503_until_there_is_room(process: ServiceProcess) -> None:
    """The kernel lets the process make no file longer, as a full disk would not."""
    service, pid = process.service, process.process.pid
    await service.deliver(event(id="evt_0"))
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)

    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, hard))
    refused = await service.deliver(event(id="evt_1"))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
    taken = await service.deliver(event(id="evt_1"))

    assert has_problem(refused, 503, "storage_unavailable")
    assert taken.json()["outcome"] == "recorded"
    assert event_ids(service) == ["evt_0", "evt_1"]


async def test_what_was_answered_with_200_survives_a_kill(database_path: Path) -> None:
    async with running_process(database_path.parent) as process:
        answer = await process.service.deliver(event())
        process.process.kill()
        await process.process.wait()

    assert answer.status_code == 200
    assert event_ids(process.service) == ["evt_1"]
