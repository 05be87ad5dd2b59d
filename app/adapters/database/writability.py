"""What the latest writes tell of the next one, so that nobody finds out again at a buyer's cost."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final

from app.domain.errors import StorageUnavailableError, is_storage_down

# A write takes milliseconds; a queue this long means that somebody holds the lock, or the disk.
PROMPT_S: Final = 0.5


class Writability:
    """Asks nothing while writes succeed. After one has failed, or hangs, a small one must succeed.

    `probe` writes that small row, through `watch` like every other write.
    """

    def __init__(self, probe: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._probe = probe
        self._probing: asyncio.Task[None] | None = None
        self._has_failed = False
        self._begun_at: dict[object, float] = {}  # of the writes under way, the oldest first

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Learn from the write in this block."""
        write = object()
        self._begun_at[write] = time.monotonic()
        try:
            yield
        except StorageUnavailableError as error:
            self._has_failed = is_storage_down(error)
            raise
        else:
            self._has_failed = False
        finally:
            del self._begun_at[write]

    async def require(self) -> None:
        """Return at once if writes succeed; else once the probe has, which all who ask share.

        Raises:
            StorageUnavailableError: it failed.
        """
        if not (self._has_failed or self._is_any_late()):
            return
        if self._probing is None or self._probing.done():
            self._probing = asyncio.create_task(self._probe())
            self._probing.add_done_callback(_hear)
        try:
            await asyncio.shield(self._probing)
        except StorageUnavailableError as error:
            raise StorageUnavailableError(error.detail, reason=error.reason) from error

    def _is_any_late(self) -> bool:
        oldest = next(iter(self._begun_at.values()), None)
        return oldest is not None and time.monotonic() - oldest > PROMPT_S


def _hear(probing: asyncio.Task[None]) -> None:
    """Take note of how it ended, in case nobody waits for it any more."""
    if not probing.cancelled():
        probing.exception()
