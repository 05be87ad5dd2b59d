"""`altan-checkout events tail`, as a program that runs until Ctrl-C."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.usecases.storage import Database
from tests.commands.test_cli import GOOD, run
from tests.support.builders import CHECKOUT_ID, ROOT, SESSION_ID, event, query
from tests.support.recording import checkout, keep, record
from tests.support.stripe_objects import charge

DEADLINE_S = 60.0
# What a terminal does for its programs, but not every shell for those in the background.
HEARS_CTRL_C = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from app.commands.cli import main; main()"
)


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def url_of(path: Path) -> str:
    return path.read_text() if path.suffix == ".url" else f"sqlite:///{path}"


@asynccontextmanager
async def tail(folder: Path, *arguments: str, **environment: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HEARS_CTRL_C, "events", "tail", *arguments),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        assert "Following" in await said(process)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def shown(process: Process) -> str:
    assert process.stdout
    return (await asyncio.wait_for(process.stdout.readline(), DEADLINE_S)).decode()


async def said(process: Process) -> str:
    assert process.stderr
    return (await asyncio.wait_for(process.stderr.readline(), DEADLINE_S)).decode()


async def test_events_are_shown_as_they_come_until_ctrl_c(
    database: Database, database_path: Path
) -> None:
    await keep(database, checkout())
    await record(database, event(id="evt_paid"))

    settings = GOOD | {"DATABASE_URL": url_of(database_path)}
    async with tail(database_path.parent, **settings) as process:
        assert "processed  checkout.session.completed" in await shown(process)
        assert await shown(process) == f"  evt_paid  {CHECKOUT_ID}\n"

        await record(database, event("charge.succeeded", charge(id=None), id="evt_odd"))

        assert "failed     charge.succeeded" in await shown(process)
        assert await shown(process) == "  evt_odd\n"
        assert "data.object.id is missing" in await shown(process)

        process.send_signal(signal.SIGINT)
        rest = await asyncio.wait_for(process.communicate(), DEADLINE_S)
        assert (process.returncode, rest) == (0, (b"", b""))


async def test_as_json_each_event_is_a_line(database: Database, database_path: Path) -> None:
    await record(database, event(id="evt_before"))

    settings = GOOD | {"DATABASE_URL": url_of(database_path)}
    async with tail(database_path.parent, "--json", "--last", "0", **settings) as process:
        await record(database, event("charge.succeeded", charge(), id="evt_1"))

        line = json.loads(await shown(process))
        assert (line["id"], line["state"]) == ("evt_1", "folded")
        assert line["payments"] == [
            {"session_id": SESSION_ID, "checkout_id": CHECKOUT_ID, "status": "paid"}
        ]


async def test_an_outage_is_reported_once_and_waited_for(
    database: Database, database_path: Path
) -> None:
    settings = GOOD | {"DATABASE_URL": url_of(database_path)}
    async with tail(database_path.parent, **settings) as process:
        query(database_path, "ALTER TABLE events RENAME TO events_away")
        assert (await said(process)).startswith("Waiting for the database: ")

        query(database_path, "ALTER TABLE events_away RENAME TO events")
        assert await said(process) == "The database is available again.\n"
        await record(database, event(id="evt_after"))
        await shown(process)
        assert "evt_after" in await shown(process)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_a_demos_events_are_shown_without_any_settings(
    database: Database, database_path: Path, tmp_path: Path
) -> None:
    (tmp_path / "demo.db").symlink_to(database_path)
    await record(database, event(id="evt_1"))

    async with tail(tmp_path, "--demo", str(tmp_path), APP_URL="wrong") as process:
        await shown(process)
        assert "evt_1" in await shown(process)


def test_where_no_demo_is_nothing_is_made(tmp_path: Path) -> None:
    ended = run(tmp_path, "events", "tail", "--demo", "nowhere")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("There is no demo in nowhere: ")
    assert list(tmp_path.iterdir()) == []


def test_wrong_settings_stop_it_with_a_line_each(tmp_path: Path) -> None:
    ended = run(tmp_path, "events", "tail", **(GOOD | {"APP_URL": "shop"}))

    assert ended.returncode == 2
    assert ended.stderr.startswith("APP_URL is wrong")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["--json"]])
async def test_a_reader_that_has_seen_enough_is_no_error(
    tmp_path: Path, database: Database, database_path: Path, arguments: list[str]
) -> None:
    await record(database, event())
    url = url_of(database_path)

    async with tail(tmp_path, *arguments, **GOOD, DATABASE_URL=url) as process:
        await shown(process)
        process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]  # noqa: SLF001 as head's end
        await record(database, event(id="evt_2"))
        await record(database, event(id="evt_3"))
        async with asyncio.timeout(DEADLINE_S):
            status = await process.wait()

    assert status == 0
