"""Opens the catalog in the settings; a broken one is a wrong setting."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from app.adapters.catalog_file import CatalogError, CatalogFile, load_catalog
from app.domain.checkout.catalog import Catalog
from app.lifetime import Lifetime
from app.observability.alerts import Alerts
from app.settings.settings import Settings, SettingsError

T = TypeVar("T")


def check_catalog(settings: Settings) -> Catalog | None:
    """Read the catalog; None if there is none.

    Raises:
        SettingsError: it is broken.
    """
    return _valid(load_catalog, settings.catalog_file) if settings.catalog_file else None


def open_catalog(
    settings: Settings, lifetime: Lifetime, alerts: Alerts
) -> Callable[[], Catalog | None]:
    """Return what is for sale now; None means any price of the account.

    Raises:
        SettingsError: it is broken, perhaps since it was checked.
    """
    if settings.catalog_file is None:
        return lambda: None
    catalog = _valid(lambda path: CatalogFile(path, alerts, alerts.over), settings.catalog_file)
    lifetime.runs(catalog.watch)
    lifetime.reloads(catalog.reload)
    return catalog.current


def _valid(open_it: Callable[[Path], T], path: Path) -> T:
    try:
        return open_it(path)
    except CatalogError as error:
        raise SettingsError([f"CATALOG_FILE is wrong: {error}"]) from error
