"""The catalog file, reloaded when it changes; an invalid file never replaces a valid one."""

import asyncio
import tomllib
from pathlib import Path
from typing import Final

import structlog

from app.domain.checkout.catalog import Catalog, read_catalog
from app.usecases.ports import Alarm, AlertName, AllClear, say_nothing

LOOK_EVERY_S: Final = 2.0

_log = structlog.get_logger()


class CatalogError(Exception):
    """The file cannot be used; the message says why and where."""


def load_catalog(path: Path) -> Catalog:
    """Read a catalog file.

    Raises:
        CatalogError: it cannot be read, is not TOML, or breaks a rule.
    """
    try:
        return read_catalog(tomllib.loads(path.read_text(encoding="utf-8")))
    except RecursionError as error:
        raise CatalogError(f"{path}: is nested too deeply") from error
    except OSError as error:
        raise CatalogError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:  # what TOML and UTF-8 refuse are ValueErrors, too
        raise CatalogError(f"{path}: {error}") from error


class CatalogFile:
    """The current catalog. It is replaced in one step, so that no request sees half a change."""

    def __init__(self, path: Path, alarm: Alarm, all_clear: AllClear = say_nothing) -> None:
        self._path = path
        self._alarm = alarm
        self._all_clear = all_clear
        self._seen = _mark(path)
        self._catalog = load_catalog(path)

    def current(self) -> Catalog:
        """The last valid catalog."""
        return self._catalog

    def reload(self) -> None:
        """Reload the file; if it is invalid, keep the old catalog and alert the owner."""
        self._seen = _mark(self._path)
        try:
            self._catalog = load_catalog(self._path)
        except CatalogError as error:
            self._alarm(AlertName.CATALOG_BROKEN, f"{error}; the previous catalog stays in use")
        else:
            self._all_clear(AlertName.CATALOG_BROKEN, "the catalog was reloaded")
            _log.info("catalog_read", prices=len(self._catalog.prices))

    async def watch(self, *, every_s: float = LOOK_EVERY_S) -> None:
        """Reload whenever the file changes, until canceled."""
        while True:
            await asyncio.sleep(every_s)
            if _mark(self._path) != self._seen:
                self.reload()


def _mark(path: Path) -> tuple[int, ...] | None:
    """Return a value that changes with the file or its link; None if it is missing."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return (stat.st_mtime_ns, stat.st_size, stat.st_ino)
