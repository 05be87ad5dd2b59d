"""The commands of docs/deployment.md: a dump, and back from it into an empty database."""

import asyncio
import subprocess
from pathlib import Path

from app.adapters.database.postgres import PostgresDatabase
from app.adapters.database.postgres_schema import require_current_schema
from app.adapters.database.schema import metadata
from app.domain.events import read_event
from app.usecases.record_events import ReceivedEvent, RecordEvents
from tests.builders import FixedClock, SilentAlarm, event, to_body
from tests.postgres_server import fetch, programs, run_apart


async def fill(url: str) -> None:
    database = PostgresDatabase(url, SilentAlarm())
    record = RecordEvents(
        database=database, clock=FixedClock(), alarm=SilentAlarm(), on_change=lambda _: None
    )
    document = event()
    await record([ReceivedEvent(read_event(document), to_body(document))])
    await database.beat(7)
    await database.close()


def test_what_was_dumped_is_restored_row_for_row(
    postgres_url: str, empty_postgres_url: str, tmp_path: Path
) -> None:
    asyncio.run(fill(postgres_url))
    dump = tmp_path / "backup.dump"

    run("pg_dump", "--format=custom", f"--file={dump}", postgres_url)
    run("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={empty_postgres_url}", str(dump))

    require_current_schema(empty_postgres_url, name="the copy")
    for table in metadata.tables:
        question = f"SELECT * FROM {table} ORDER BY 1"  # noqa: S608 our tables
        kept = run_apart(fetch(postgres_url, question))
        assert run_apart(fetch(empty_postgres_url, question)) == kept


def run(program: str, *arguments: str) -> None:
    command = [str(programs() / program), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 theirs
    assert ended.returncode == 0, ended.stderr
