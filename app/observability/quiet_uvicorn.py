"""Limits uvicorn's warnings about single requests to one line in ten seconds.

uvicorn warns about each malformed request or upgrade, and anybody can send any number of those.
"""

import logging
import time
from collections.abc import Callable
from pathlib import PurePath
from typing import Final

LINE_EVERY_S: Final = 10.0


class OneLineInTenSeconds(logging.Filter):
    """Passes one warning of uvicorn's protocols in ten seconds, and all other records.

    The next warning that passes has the number of those left out.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock_s = clock_s
        self._quiet_until_s = 0.0
        self._unsaid = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log `record`."""
        is_of_a_request = "protocols" in PurePath(record.pathname).parts
        if record.levelno > logging.WARNING or not is_of_a_request:
            return True
        now_s = self._clock_s()
        if now_s < self._quiet_until_s:
            self._unsaid += 1
            return False
        if self._unsaid:
            record.msg = f"{record.getMessage()} ({self._unsaid} more lines like this left out)"
            record.args = None
        self._quiet_until_s, self._unsaid = now_s + LINE_EVERY_S, 0
        return True


def quiet_uvicorn() -> None:
    """Add the filter to uvicorn's own logger, so that it applies to every handler."""
    logger = logging.getLogger("uvicorn.error")
    for old in logger.filters[:]:
        if isinstance(old, OneLineInTenSeconds):
            logger.removeFilter(old)
    logger.addFilter(OneLineInTenSeconds())
