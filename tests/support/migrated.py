"""An SQLite file with the current schema, made once: migrating takes a second of a core."""

import shutil
import tempfile
from functools import cache
from pathlib import Path

from app.adapters.database.migrate import migrate


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory(prefix="migrated-")
    migrate(Path(folder.name) / "checkout.db")
    return folder  # deleted at the end of the process, which holds it until then


def migrated_file() -> Path:
    """The file itself: only to copy or to read."""
    return Path(_folder().name) / "checkout.db"


def copy_migrated(path: Path) -> None:
    """Put a copy at `path`, unless there is a file or its folder is missing."""
    if path.parent.is_dir() and not path.exists():
        shutil.copy(migrated_file(), path)
