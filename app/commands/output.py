"""Ends a command whose output cannot be written, with one line or none."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def all_written() -> Iterator[None]:
    """Write what is buffered before the interpreter ends, which would print a traceback."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        discard_output()
    except OSError as error:
        if error.errno not in _FULL:
            raise
        discard_output()
        reason = (error.strerror or "").lower()
        message = f"altan-checkout stopped: {reason}, for its output or for a file."
        print(message, file=sys.stderr)  # noqa: T201 for people
        sys.exit(1)


def discard_output() -> None:
    """Let nothing else fail to be written, such as what is still buffered."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)
