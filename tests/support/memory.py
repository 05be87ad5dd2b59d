"""A folder in memory, where there is one: for tests that prove orders, and not disks or speed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

_IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 each run makes a folder of its own there
PATIENCE_S: Final = 60.0  # what a database there may take, so that a busy machine decides nothing


@contextmanager
def memory_folder() -> Iterator[Path]:
    """Yield a new folder, and delete it at the end."""
    where = _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else None
    with TemporaryDirectory(prefix="proofs-", dir=where) as folder:
        yield Path(folder)
