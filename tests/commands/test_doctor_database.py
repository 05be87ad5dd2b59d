"""What `altan-checkout doctor` finds in a database."""

import asyncio
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.adapters.database.postgres.checkup import Checkup
from app.commands.doctor import judge_postgres
from app.commands.findings import Verdict
from tests.support.builders import query
from tests.support.examining import FAILS, OK, WARNING, found
from tests.support.wire import closed_port


async def test_a_database_that_is_not_there_yet_is_fine_where_it_can_be_made(
    tmp_path: Path,
) -> None:
    finding = await found(tmp_path / "a" / "b", "database")

    assert finding.verdict is OK
    assert "does not exist yet" in finding.message
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == []


@pytest.mark.parametrize(
    ("revision", "words"),
    [
        ("0001", "is at revision 0001, and"),
        ("0001", ": run altan-checkout migrate"),
        ("9999", ": install that version, or restore the backup"),
    ],
)
async def test_a_database_of_another_revision_fails(
    tmp_path: Path, database_path: Path, revision: str, words: str
) -> None:
    query(database_path, "UPDATE alembic_version SET version_num = ?", revision)

    finding = await found(tmp_path, "database")

    assert finding.verdict is FAILS
    assert words in finding.message


async def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    await asyncio.to_thread((tmp_path / "checkout.db").touch)

    finding = await found(tmp_path, "database")

    assert finding.verdict is FAILS
    assert finding.message.endswith("checkout.db is empty: run altan-checkout migrate")


async def test_a_folder_fails(tmp_path: Path) -> None:
    await asyncio.to_thread((tmp_path / "checkout.db").mkdir)

    finding = await found(tmp_path, "database")

    assert finding.verdict is FAILS
    assert "is a folder" in finding.message


async def test_a_database_that_another_process_holds_fails_with_that_reason(
    tmp_path: Path, database_path: Path
) -> None:
    with closing(sqlite3.connect(database_path)) as other:
        other.execute("BEGIN IMMEDIATE")

        finding = await found(tmp_path, "database")

    assert finding.verdict is FAILS
    assert "database is locked: another process holds it" in finding.message


async def test_a_file_that_is_no_database_fails(tmp_path: Path) -> None:
    path = tmp_path / "checkout.db"
    await asyncio.to_thread(path.write_bytes, b"somebody's notes " * 100)

    finding = await found(tmp_path, "database")

    assert finding.verdict is FAILS
    assert ": correct DATABASE_URL, or restore a backup" in finding.message


async def test_a_database_that_other_users_may_open_is_a_warning(
    tmp_path: Path, database_path: Path
) -> None:
    await asyncio.to_thread(database_path.chmod, 0o644)

    finding = await found(tmp_path, "database")

    assert finding.verdict is WARNING
    assert f"chmod 600 {database_path}" in finding.message


async def test_looking_leaves_the_database_as_it_was(tmp_path: Path, database_path: Path) -> None:
    await found(tmp_path, "database")

    tables = query(database_path, "SELECT name FROM sqlite_master WHERE name LIKE 'doctor%'")
    assert tables == []


async def test_a_working_postgresql_is_reported_with_its_version(
    tmp_path: Path, postgres_url: str
) -> None:
    finding = await found(tmp_path, "database", database_url=postgres_url)

    # The tests' own server does not flush, and that is noticed.
    assert finding.verdict in (OK, WARNING)
    assert re.search(r"PostgreSQL \d+\.\d+ commits, revision \d{4}", finding.message)
    assert (finding.verdict is WARNING) == ("does not flush commits" in finding.message)


@pytest.mark.parametrize(
    ("checkup", "verdict", "words"),
    [
        ({}, OK, "revision"),
        ({"is_supported": False}, WARNING, "no longer supported"),
        ({"is_durable": False}, WARNING, "does not flush commits"),
        ({"skew_s": -40.0}, WARNING, "a clock that differs by -40 s"),
        ({"wrong_schema": "is behind"}, FAILS, "is behind"),
    ],
)
def test_what_a_postgresql_is_found_to_be_is_judged(
    checkup: dict[str, Any], verdict: Verdict, words: str
) -> None:
    fine: dict[str, Any] = {"server_version": "17.2", "is_supported": True, "is_durable": True}
    healthy = Checkup(**{**fine, "skew_s": 0.1, "wrong_schema": None, **checkup})

    finding = judge_postgres(healthy, "postgresql://shop@db/checkout")

    assert finding.verdict is verdict
    assert words in finding.message


async def test_a_postgresql_without_our_tables_fails(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    finding = await found(tmp_path, "database", database_url=empty_postgres_url)

    assert finding.verdict is FAILS
    assert "run altan-checkout migrate" in finding.message


async def test_a_postgresql_that_is_not_there_fails_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://shop:hunter2@127.0.0.1:{closed_port()}/checkout"

    finding = await found(tmp_path, "database", database_url=url)

    assert finding.verdict is FAILS
    assert "check DATABASE_URL" in finding.message
    assert "hunter2" not in finding.message
