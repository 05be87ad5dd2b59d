import asyncio
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from app.adapters.database.migrate import (
    SCHEMA_REVISION,
    MigrationError,
    current_revision,
    migrate,
)
from app.adapters.database.schema import metadata
from app.adapters.database.sqlite.connection_thread import BUSY_TIMEOUT_S, connect
from app.adapters.database.upgrade import MIGRATIONS, main, upgrade
from tests.support.builders import DEADLINE_S, query
from tests.support.processes import BOUND_BY_FILE_MODES

MIGRATE = (
    "import sys; from pathlib import Path; from app.adapters.database.migrate import migrate;"
    " print('ready', flush=True); sys.stdin.readline(); migrate(Path(sys.argv[1]))"
)


def revision_of(path: Path) -> str | None:
    with closing(sqlite3.connect(path)) as connection:
        return current_revision(connection)


def set_revision(path: Path, revision: str) -> None:
    query(path, "UPDATE alembic_version SET version_num = ?", revision)


def schema_of(path: Path) -> dict[str, str]:
    """Each table's and index's definition, whatever its spaces and order of constraints."""
    rows = query(path, "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {row["name"]: row["sql"] for row in rows if row["name"] != "alembic_version"}


def statements_of(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())[1:-1]  # without BEGIN and COMMIT


def constraints_of(sql: str) -> set[str]:
    flat = re.sub(r"\s+", " ", sql).strip().removesuffix(" WITHOUT ROWID")
    parts = re.split(r",? (?=CONSTRAINT)|\)$", flat)
    return {part.strip() for part in parts if part.startswith("CONSTRAINT")}


def test_an_empty_folder_gets_a_database_at_the_newest_revision(tmp_path: Path) -> None:
    path = tmp_path / "a" / "new folder %s" / "checkout.db"

    migrate(path)

    assert revision_of(path) == SCHEMA_REVISION
    assert set(metadata.tables) <= set(schema_of(path))


def test_migrating_again_changes_nothing(database_path: Path) -> None:
    query(database_path, "INSERT INTO heartbeat (id, at_ms) VALUES (1, 7)")

    migrate(database_path)

    assert revision_of(database_path) == SCHEMA_REVISION
    assert query(database_path, "SELECT at_ms FROM heartbeat") == [{"at_ms": 7}]


def test_an_empty_database_has_no_revision(tmp_path: Path) -> None:
    assert revision_of(tmp_path / "empty.db") is None


def test_a_revision_table_without_a_row_is_no_revision(database_path: Path) -> None:
    query(database_path, "DELETE FROM alembic_version")

    assert revision_of(database_path) is None


def test_the_revision_that_the_code_expects_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))

    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA_REVISION]


def test_two_processes_that_start_at_once_both_find_the_schema(tmp_path: Path) -> None:
    path = tmp_path / "checkout.db"
    processes = [
        subprocess.Popen(  # noqa: S603 our own program
            [sys.executable, "-c", MIGRATE, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    for process in processes:  # neither has begun: each waits for this line
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    endings = [process.communicate(timeout=DEADLINE_S) for process in processes]

    assert [
        (process.returncode, stderr)
        for process, (_, stderr) in zip(processes, endings, strict=True)
    ] == [(0, ""), (0, "")]
    assert revision_of(path) == SCHEMA_REVISION
    assert query(path, "SELECT count(*) AS rows FROM alembic_version") == [{"rows": 1}]


async def test_who_comes_second_waits_and_finds_the_work_done(
    tmp_path: Path, migrated_path: Path
) -> None:
    path = tmp_path / "new.db"
    with closing(connect(path)) as first:
        first.execute("BEGIN IMMEDIATE")
        for statement in statements_of(migrated_path):
            first.execute(statement)
        second = asyncio.create_task(asyncio.to_thread(upgrade, path))
        # A migration of a large database takes longer than other statements wait.
        await asyncio.wait([second], timeout=BUSY_TIMEOUT_S + 0.5)

        first.execute("COMMIT")
        await second

    assert revision_of(path) == SCHEMA_REVISION


def test_a_schema_of_a_later_program_is_refused(database_path: Path) -> None:
    set_revision(database_path, "9999")

    with pytest.raises(
        MigrationError,
        match=r"9999, made by a newer version.*install that version, or restore the backup",
    ):
        migrate(database_path)

    assert revision_of(database_path) == "9999"


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").write_bytes(b"")

    with pytest.raises(MigrationError, match="check that the folder exists"):
        migrate(tmp_path / "folder" / "checkout.db")


def test_a_path_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="is a folder: DATABASE_URL must name"):
        migrate(tmp_path)


def test_a_folder_that_nobody_may_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    program = (
        "import sys; from pathlib import Path; from app.adapters.database.migrate import *\n"
        "try: migrate(Path(sys.argv[1]))\n"
        "except MigrationError as error: print(error)"
    )
    arguments = [*BOUND_BY_FILE_MODES, sys.executable, "-c", program, str(tmp_path / "new.db")]

    ended = subprocess.run(arguments, capture_output=True, text=True, check=True)  # noqa: S603 ours
    tmp_path.chmod(0o755)

    assert "cannot be opened for writing (unable to open database file)" in ended.stdout


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "checkout.db"
    path.write_bytes(b"somebody's notes " * 100)

    with pytest.raises(
        MigrationError, match=r"not a database.*: correct DATABASE_URL, or restore a backup"
    ):
        migrate(path)

    assert path.read_bytes() == b"somebody's notes " * 100


def test_tables_of_somebody_else_are_refused_and_nothing_half_done_stays(tmp_path: Path) -> None:
    path = tmp_path / "checkout.db"
    query(path, "CREATE TABLE payments (id INTEGER)")

    with pytest.raises(MigrationError, match="table payments already exists"):
        migrate(path)

    assert set(schema_of(path)) == {"payments"}


def test_an_upgrade_that_succeeds_says_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "checkout.db"

    status = main(str(path))

    assert status == 0
    assert capfd.readouterr() == ("", "")
    assert revision_of(path) == SCHEMA_REVISION


def test_an_upgrade_that_is_refused_says_why_in_one_line(
    database_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    set_revision(database_path, "9999")

    status = main(str(database_path))

    assert status == 1
    assert capfd.readouterr().err.count("\n") == 1


def test_an_upgrade_whose_sql_fails_says_why_in_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "checkout.db"
    query(path, "CREATE TABLE events (id INTEGER)")

    status = main(str(path))

    assert status == 1
    assert capfd.readouterr().err == "table events already exists\n"


def test_the_migrated_schema_is_the_one_that_is_written_down(database_path: Path) -> None:
    engine = create_engine(f"sqlite:///{database_path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        differences = compare_metadata(context, metadata)
    engine.dispose()

    assert differences == []


def test_the_migrated_constraints_and_indexes_are_the_ones_that_are_written_down(
    database_path: Path, tmp_path: Path
) -> None:
    """Alembic compares no CHECK constraints, so their names and texts are compared here."""
    written_down = tmp_path / "written_down.db"
    engine = create_engine(f"sqlite:///{written_down}")
    metadata.create_all(engine)
    engine.dispose()

    migrated, expected = schema_of(database_path), schema_of(written_down)

    assert migrated.keys() == expected.keys()
    for name in metadata.tables:
        assert constraints_of(migrated[name]) == constraints_of(expected[name])
        assert ("WITHOUT ROWID" in migrated[name]) is ("WITHOUT ROWID" in expected[name])
    for name in expected.keys() - metadata.tables.keys():
        assert migrated[name].split() == expected[name].split()
    assert sum("CHECK" in part for sql in expected.values() for part in constraints_of(sql)) == 33


def test_connections_of_the_migration_leave_no_files_behind(tmp_path: Path) -> None:
    path = tmp_path / "checkout.db"

    migrate(path)

    assert list(tmp_path.iterdir()) == [path]
    with closing(connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
