"""Keeps what uvicorn says of single requests to a line in ten seconds.

It warns of each request that is malformed or asks for an upgrade, and strangers send those at will.
"""

import logging
import time
from collections.abc import Callable
from pathlib import PurePath
from typing import Final

LINE_EVERY_S: Final = 10.0


class OneLineInTenSeconds(logging.Filter):
    """Lets through one warning of uvicorn's protocols in ten seconds, and all else.

    The next one that is let through says how many were left out.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock_s = clock_s
        self._quiet_until_s = 0.0
        self._unsaid = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether `record` is to be logged."""
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
    """Put the filter on uvicorn's own logger, so that it counts for every handler."""
    logger = logging.getLogger("uvicorn.error")
    for old in logger.filters[:]:
        if isinstance(old, OneLineInTenSeconds):
            logger.removeFilter(old)
    logger.addFilter(OneLineInTenSeconds())
