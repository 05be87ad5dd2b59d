"""What an operator should do about an error of SQLite."""

import sqlite3
from typing import Final

_PRIMARY: Final = 0xFF  # the rest of an extended code says where it happened
_OF_CODES: Final = {
    sqlite3.SQLITE_NOTADB: "correct DATABASE_URL, or restore a backup",
    sqlite3.SQLITE_CORRUPT: "restore a backup",
    sqlite3.SQLITE_BUSY: "another process holds it; wait for it, or stop it",
    sqlite3.SQLITE_LOCKED: "another process holds it; wait for it, or stop it",
    sqlite3.SQLITE_FULL: "free space on the disk",
}
_OTHERWISE: Final = "check that the folder exists, belongs to this user and has space"


def advice_on(error: Exception) -> str:
    """Return what to do; by default, for a file that cannot be opened."""
    code = getattr(error, "sqlite_errorcode", 0)
    return _OF_CODES.get(code & _PRIMARY, _OTHERWISE)
