"""The commands of docs/deployment.md: dump, and restore into an empty database."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.postgres.schema import require_current_schema
from app.adapters.database.schema import metadata
from app.domain.stripe_events.event import read_event
from app.usecases.record_events import ReceivedEvent, RecordEvents
from tests.support.builders import FixedClock, SilentAlarm, event, to_body
from tests.support.docs.documents import ROOT, marked
from tests.support.postgres_server import fetch, programs, run_apart

(DUMP, RESTORE) = [
    block.text
    for mark in ("dump", "restore")
    for block in marked("sh", mark, path=ROOT / "docs" / "deployment.md")
]


async def fill(url: str) -> None:
    database = PostgresDatabase(url, SilentAlarm())
    record = RecordEvents(
        database=database, clock=FixedClock(), alarm=SilentAlarm(), on_change=lambda _: None
    )
    document = event()
    await record([ReceivedEvent(read_event(document), to_body(document))])
    await database.write_heartbeat(7)
    await database.close()


def test_what_was_dumped_is_restored_row_for_row(
    postgres_url: str, empty_postgres_url: str, tmp_path: Path
) -> None:
    asyncio.run(fill(postgres_url))

    for _night in range(2):
        run(DUMP, tmp_path, postgres_url)
    (restore, rebuild) = RESTORE.splitlines()
    run(restore, tmp_path, empty_postgres_url)

    assert rebuild == "altan-checkout events rebuild"
    assert {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {
        "backup.dump": 0o600
    }
    require_current_schema(empty_postgres_url, name="the copy")
    for table in metadata.tables:
        question = f"SELECT * FROM {table} ORDER BY 1"  # noqa: S608 our tables
        kept = run_apart(fetch(postgres_url, question))
        assert run_apart(fetch(empty_postgres_url, question)) == kept


def test_a_dump_that_fails_leaves_the_last_one_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "backup.dump").write_text("last night's")

    with pytest.raises(AssertionError, match="no_such_place"):
        run(DUMP, tmp_path, "postgresql:///shop?host=/no_such_place")

    assert (tmp_path / "backup.dump").read_text() == "last night's"


def run(commands: str, folder: Path, url: str) -> None:
    ended = subprocess.run(  # noqa: S603 the document's own commands
        ["/bin/sh", "-euc", commands],
        cwd=folder,
        env={**os.environ, "PATH": f"{programs()}:{os.environ['PATH']}", "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
