"""The demo's folder: only one demo uses it at a time, and it keeps the demo's tokens."""

import errno
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

KEPT_NAME: Final = "demo.json"
_MODE: Final = 0o600


class DemoError(Exception):
    """The demo cannot start or continue; the message says why and what to do."""


def new_token() -> str:
    """Return a random token."""
    return secrets.token_hex(24)


@contextmanager
def used_folder(folder: Path) -> Iterator[None]:
    """Create the folder, and let no other demo use it until the block ends.

    Raises:
        DemoError: it cannot be created, or another demo uses it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = _hold(folder)
    except BlockingIOError as error:
        raise DemoError(
            f"another demo uses the folder {folder}; stop it, or choose another one with --folder"
        ) from error
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        yield
    finally:
        if held is not None:
            os.close(held)


def _hold(folder: Path) -> int | None:
    """Lock the folder itself, which leaves no file behind; the lock ends with this process."""
    if os.name == "nt":
        return None
    import fcntl  # noqa: PLC0415 Windows has none

    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(held)
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise BlockingIOError from error
        return None  # a file system without locks
    return held


def keep(folder: Path, *, notify_url: str) -> tuple[str, str]:
    """Keep where this demo posts notifications, for `notifications test --demo`.

    Return the tokens for the shop's server and for the console, the same at each start.

    Raises:
        DemoError: nothing can be written to the folder.
    """
    kept = _kept(folder)
    api_token, admin_token = (
        kept.get(name) or new_token() for name in ("api_token", "admin_token")
    )
    document = {"api_token": api_token, "admin_token": admin_token, "notify_url": notify_url}
    path = folder / KEPT_NAME
    try:
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _MODE), "w") as file:
            file.write(f"{json.dumps(document)}\n")
    except OSError as error:
        raise _unusable(folder, error) from error
    return api_token, admin_token


def notify_url_of(folder: Path) -> str | None:
    """Return where the demo in this folder posts notifications; None if there was none."""
    return _kept(folder).get("notify_url")


def _kept(folder: Path) -> dict[str, str]:
    """Return what the folder keeps; nothing, if somebody has changed the file's form."""
    with suppress(OSError, ValueError):
        document = json.loads((folder / KEPT_NAME).read_text())
        if isinstance(document, dict):
            return {name: text for name, text in document.items() if isinstance(text, str)}
    return {}


def _unusable(folder: Path, error: OSError) -> DemoError:
    reason = (error.strerror or "unknown error").lower()
    return DemoError(
        f"the folder {folder} cannot be used ({reason}); choose another one with --folder"
    )
