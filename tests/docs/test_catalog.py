"""The catalogs in the documentation work as they are."""

import shutil
import tomllib
from pathlib import Path

from app.adapters.catalog_file import load_catalog
from app.domain.checkout.catalog import CatalogPrice, read_catalog
from tests.support.docs.documents import ROOT, marked

EXAMPLE = ROOT / "deploy/catalog.example.toml"


def fields_of(prices: list[dict[str, object]]) -> set[str]:
    return {field for price in prices for field in price}


def test_the_readmes_catalog_is_one_and_shows_every_field() -> None:
    (block,) = marked("toml", "catalog")
    document = tomllib.loads(block.text)

    assert set(read_catalog(document).prices) == {"price_ABC123", "price_CLUB", "price_SETUP"}
    names = {"unit": "unit_amount_minor", "recurs": "recurring"}
    assert fields_of(document["price"]) == {
        names.get(name, name) for name in CatalogPrice.__dataclass_fields__
    } | {"currency"}


def test_the_example_file_is_one_and_shows_every_field(tmp_path: Path) -> None:
    copy = Path(shutil.copy(EXAMPLE, tmp_path))
    (block,) = marked("toml", "catalog")

    assert len(load_catalog(copy).prices) == 4
    assert fields_of(tomllib.loads(EXAMPLE.read_text())["price"]) == fields_of(
        tomllib.loads(block.text)["price"]
    )
