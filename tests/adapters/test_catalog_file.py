import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.adapters.catalog_file import CatalogError, CatalogFile, load_catalog
from app.usecases.ports import AlertName
from tests.support.builders import SilentAlarm, until

ONE = '[[price]]\nid = "price_one"\n'
TWO = '[[price]]\nid = "price_two"\nname = "Käse"\n'
BROKEN = '[[price]]\nid = "prod_x"\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "catalog.toml"
    write(path, ONE)
    return path


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def remove(path: Path) -> None:
    path.unlink()


def rename(old: Path, new: Path) -> None:
    old.replace(new)


def date_as(model: Path, path: Path) -> None:
    """Give `path` the times of `model`."""
    stat = model.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def for_sale(catalog: CatalogFile) -> list[str]:
    return list(catalog.current().prices)


@asynccontextmanager
async def watched(catalog: CatalogFile) -> AsyncIterator[None]:
    """Looked at a hundred times a second, so that no test waits two seconds."""
    task = asyncio.create_task(catalog.watch(every_s=0.01))
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BROKEN.encode(), "id must be a Stripe price id"),
        (b"[[price", "Expected ']]'"),
        (b"", "must contain at least one [[price]] table"),
        ('[[price]]\nid = "price_k\xe4se"'.encode("latin-1"), "utf-8"),
        (b"a = " + b"[" * 100_000, "nested too deeply"),
    ],
    ids=["rule", "no TOML", "empty", "no UTF-8", "deep"],
)
def test_an_unusable_file_is_reported_with_its_path(path: Path, text: bytes, words: str) -> None:
    path.write_bytes(text)

    with pytest.raises(CatalogError) as caught:
        load_catalog(path)

    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="No such file"):
        CatalogFile(tmp_path / "none.toml", SilentAlarm())


async def test_a_changed_file_is_read(path: Path, alarm: SilentAlarm) -> None:
    catalog = CatalogFile(path, alarm)

    async with watched(catalog):
        write(path, TWO)
        await until(lambda: for_sale(catalog) == ["price_two"])

    assert alarm.told == []


async def test_a_file_replaced_by_a_rename_is_read_even_if_old_and_of_the_same_size(
    path: Path, alarm: SilentAlarm
) -> None:
    catalog = CatalogFile(path, alarm)
    new = path.with_suffix(".new")
    write(new, ONE.replace("one", "six"))
    date_as(path, new)

    async with watched(catalog):
        rename(new, path)
        await until(lambda: for_sale(catalog) == ["price_six"])


async def test_a_broken_new_file_keeps_the_old_one_and_alerts_once(
    path: Path, alarm: SilentAlarm
) -> None:
    catalog = CatalogFile(path, alarm)

    async with watched(catalog):
        write(path, BROKEN)
        await until(lambda: bool(alarm.told))
        before_mending = for_sale(catalog)
        write(path, TWO)
        await until(lambda: for_sale(catalog) == ["price_two"])

    ((name, words),) = alarm.told
    assert before_mending == ["price_one"]
    assert name is AlertName.CATALOG_BROKEN
    assert "[[price]] number 1: id must be" in words
    assert "the previous catalog stays in use" in words


async def test_a_file_that_is_missing_keeps_the_old_one_until_it_is_back(
    path: Path, alarm: SilentAlarm
) -> None:
    catalog = CatalogFile(path, alarm)

    async with watched(catalog):
        remove(path)
        await until(lambda: bool(alarm.told))
        while_missing = for_sale(catalog)
        write(path, TWO)
        await until(lambda: for_sale(catalog) == ["price_two"])

    assert while_missing == ["price_one"]
    assert alarm.names == [AlertName.CATALOG_BROKEN]


def test_reloading_reads_the_file_without_a_look_at_its_dates(
    path: Path, alarm: SilentAlarm
) -> None:
    catalog = CatalogFile(path, alarm)
    write(path, ONE.replace("one", "six"))

    catalog.reload()

    assert for_sale(catalog) == ["price_six"]
