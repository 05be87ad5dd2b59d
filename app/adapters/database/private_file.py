"""Restricts SQLite's files to one user, because they contain buyers' names and addresses.

SQLite creates a database's log and index with the database's own mode
(sqlite.org/src/file/src/os_unix.c, `findCreateFileMode`), so they are private, too.
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
    """Create the empty file of a new database, regardless of the process's umask.

    An existing file is not opened, because closing it would drop the locks of this process's other
    connections (sqlite.org/howtocorrupt.html, 2.2). Errors are ignored here, because SQLite meets
    them again when it opens the file, and has better messages.
    """
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _MODE))


def make_private(path: Path) -> None:
    """Remove other users' access, which an earlier version or a copy may have given.

    A file of another user is not changed; `exposed` finds it.
    """
    for file in exposed(path):
        with suppress(OSError):
            file.chmod(file.stat().st_mode & ~_OTHERS & 0o777)


def exposed(path: Path) -> Sequence[Path]:
    """Return the database's files that other users can open."""
    files = [path.with_name(path.name + companion) for companion in _COMPANIONS]
    return [file for file in files if file.exists() and file.stat().st_mode & _OTHERS]
