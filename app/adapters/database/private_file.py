"""SQLite's files belong to one user of the machine: they hold buyers' names and addresses.

SQLite makes the log and the index beside a database with the database's own mode
(sqlite.org/src/file/src/os_unix.c, `findCreateFileMode`), so a private file has private companions.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

_MODE: Final = 0o600
_OTHERS: Final = 0o077
_COMPANIONS: Final = ("", "-wal", "-shm", "-journal")


def create_private(path: Path) -> None:
    """Make the empty file that a new database begins as, whatever the process's umask.

    A file that is there is not even opened: closing it again would drop the locks that this
    process's other connections hold (sqlite.org/howtocorrupt.html, 2.2). What goes wrong here,
    SQLite meets again as it opens the file, and has the better words for it.
    """
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _MODE))


def make_private(path: Path) -> None:
    """Take from everybody else what an earlier version, or a copy, gave them.

    A file of another user stays as it is; `exposed` finds it.
    """
    for file in exposed(path):
        with suppress(OSError):
            file.chmod(file.stat().st_mode & ~_OTHERS & 0o777)


def exposed(path: Path) -> Sequence[Path]:
    """Those of the database's files that others than their owner may open."""
    files = [path.with_name(path.name + companion) for companion in _COMPANIONS]
    return [file for file in files if file.exists() and file.stat().st_mode & _OTHERS]
