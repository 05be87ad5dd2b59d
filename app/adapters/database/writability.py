"""Predicts from the latest writes whether the next one will succeed."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final

from app.domain.errors import StorageUnavailableError, is_storage_down

# A write takes milliseconds; a longer queue means that the lock is held, or the disk hangs.
PROMPT_S: Final = 0.5


class Writability:
    """Does nothing while writes succeed. After one failed or hangs, a small one must succeed.

    `probe` writes that small row, through `watch` like every other write.
    """

    def __init__(self, probe: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._probe = probe
        self._probing: asyncio.Task[None] | None = None
        self._has_failed = False
        self._begun_at: dict[object, float] = {}  # of the current writes, oldest first

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Observe the write in this block."""
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
        """Return at once if writes succeed; otherwise when a probe succeeds, shared by all callers.

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
    """Retrieve the result, in case nobody waits for it any more."""
    if not probing.cancelled():
        probing.exception()
