"""The documented backups of SQLite: repeatable, complete, and readable only by their owner."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from app.adapters.database.migrate import migrate
from app.adapters.database.private_file import exposed
from tests.support.docs.documents import Block, marked
from tests.support.docs.running import make_shell

# Plays `docker compose`: what runs in the container runs here, with the volume in ./data.
DOCKER: Final = f"""#!{sys.executable}
import os, shutil, sys
compose, act, *rest = sys.argv[1:]
assert compose == "compose"
here = [word.replace("/data/", "data/") for word in rest]
if act == "cp":
    assert here[0].startswith("checkout:data/")
    shutil.copy(here[0].removeprefix("checkout:"), here[1])
else:
    assert (act, *here[:2]) == ("exec", "-T", "checkout")
    os.execvp(here[2], here[2:])
"""


def _blocks() -> dict[str, Block]:
    (plain,) = [block for block in marked("sh", "own") if "VACUUM" in block.text]
    (container,) = marked("sh", "container")
    return {"plain": plain, "container": container}


@pytest.fixture(params=["plain", "container"])
def block(request: pytest.FixtureRequest) -> Block:
    return _blocks()[request.param]


@pytest.fixture(autouse=True)
def _umask_of_a_careless_machine() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with a database."""
    (tmp_path / "data").mkdir()
    migrate(tmp_path / "data" / "checkout.db")
    return tmp_path


def back_up(block: Block, shop: Path) -> None:
    if (shop / "programs").exists():
        for program in (shop / "programs").iterdir():
            program.unlink()
        (shop / "programs").rmdir()
    shell = make_shell(shop, only_python=True)
    (shop / "programs" / "docker").write_text(DOCKER)
    (shop / "programs" / "docker").chmod(0o755)
    shell.run(block.text)


def write(shop: Path, number: int) -> None:
    with closing(sqlite3.connect(shop / "data" / "checkout.db")) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS nights (number)")
        connection.execute("INSERT INTO nights VALUES (?)", (number,))
        connection.commit()


def nights(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [number for (number,) in connection.execute("SELECT number FROM nights")]


def test_the_second_nights_backup_takes_the_first_ones_place(block: Block, shop: Path) -> None:
    for night in (1, 2):
        write(shop, night)
        back_up(block, shop)

        assert nights(shop / "backup.db") == list(range(1, night + 1))
    assert list(shop.rglob("backup.new")) == []


def test_a_backup_that_broke_off_does_not_stop_the_next_one(block: Block, shop: Path) -> None:
    write(shop, 1)
    for left in (shop / "backup.new", shop / "data" / "backup.new"):
        left.write_bytes(b"half a database")

    back_up(block, shop)

    assert nights(shop / "backup.db") == [1]


def test_nobody_else_can_read_a_backup(block: Block, shop: Path) -> None:
    write(shop, 1)

    back_up(block, shop)

    assert exposed(shop / "backup.db") == []


def test_a_backup_that_fails_leaves_the_last_one_as_it_was(block: Block, shop: Path) -> None:
    write(shop, 1)
    back_up(block, shop)
    for file in (shop / "data").iterdir():
        file.unlink()

    # The container's block goes on to tidy up, so its status says nothing.
    done = subprocess.run(  # noqa: S603 README's own commands
        ["/bin/sh", "-c", block.text],
        cwd=shop,
        env={**os.environ, "PATH": f"{shop / 'programs'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "unable to open database file" in done.stderr
    assert nights(shop / "backup.db") == [1]
