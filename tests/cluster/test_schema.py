"""Replicas share a schema that none of them may change, so each checks it at the start."""

import asyncio
from pathlib import Path

import pytest

from app.adapters.database.migrate import SCHEMA_REVISION
from tests.support.commands import Ended, altan_checkout
from tests.support.postgres_server import fetch


def refused(ended: Ended) -> str:
    """Return the one line with the reason why it refused to start."""
    assert ended.status == 1
    (line,) = ended.errors.splitlines()
    assert "Traceback" not in ended.output
    return line


async def test_a_replica_does_not_start_without_a_schema(tmp_path: Path, empty_url: str) -> None:
    line = refused(await altan_checkout(tmp_path, "serve", "--port", "0", DATABASE_URL=empty_url))

    assert line.endswith(" is empty: run altan-checkout migrate")
    assert await fetch(empty_url, "SELECT 1 FROM pg_tables WHERE schemaname = 'public'") == []


@pytest.mark.parametrize(
    ("revision", "what_to_do"),
    [("0001", "run altan-checkout migrate"), ("9999", "install that version, or restore the")],
)
async def test_a_replica_does_not_start_on_another_programs_schema(
    tmp_path: Path, shop_url: str, revision: str, what_to_do: str
) -> None:
    await fetch(shop_url, "UPDATE alembic_version SET version_num = $1", revision)

    line = refused(await altan_checkout(tmp_path, "serve", "--port", "0", DATABASE_URL=shop_url))

    assert f"is at revision {revision}, " in line
    assert f": {what_to_do}" in line
    (kept,) = await fetch(shop_url, "SELECT version_num FROM alembic_version")
    assert kept["version_num"] == revision


async def test_two_operators_who_migrate_at_once_both_succeed(
    tmp_path: Path, empty_url: str
) -> None:
    both = await asyncio.gather(
        *(altan_checkout(tmp_path, "migrate", DATABASE_URL=empty_url) for _ in range(2))
    )

    assert [(ended.status, ended.errors) for ended in both] == [(0, ""), (0, "")]
    assert all("is up to date" in ended.output for ended in both)
    (kept,) = await fetch(empty_url, "SELECT version_num FROM alembic_version")
    assert kept["version_num"] == SCHEMA_REVISION
