"""A full or read-only disk causes only 503s, and needs no restart."""

import asyncio
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.support.builders import SESSION_ID, Document, event
from tests.support.commands import altan_checkout
from tests.support.comparing import expected_state, state_of
from tests.support.durability.full_disks import (
    Disk,
    LimitedFiles,
    can_take_writing_away,
    immutable,
    run,
    small_disk,
)
from tests.support.durability.sending import deliver_all, integrity
from tests.support.processes import ServiceProcess, running_process
from tests.support.sizes import FILLINGS, chance_of, new_seed
from tests.support.variants import payment

PAYMENTS: Final = 12  # in each filling
FAT_EVENTS: Final = 90  # more than a log that was written back may still have room for
FAT_BYTES: Final = 64 * 1024


@pytest.fixture(params=["a small file system", "a limit on files"])
def disk(request: pytest.FixtureRequest, tmp_path: Path, migrated_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if request.param == "a limit on files":
        shutil.copy(migrated_path, folder / "checkout.db")
        yield LimitedFiles(folder)
        return
    with small_disk(folder) as mounted:
        shutil.copy(migrated_path, folder / "checkout.db")
        yield mounted


def fat_events(number: int) -> list[Document]:
    """About no payment, and large: they find out how full a disk is."""
    subject = {"id": "prod_1", "object": "product", "description": "x" * FAT_BYTES}
    return [
        event("product.created", subject, id=f"evt_fat_{number}_{n}") for n in range(FAT_EVENTS)
    ]


def payments(seed: str, tag: str) -> list[Document]:
    chance = chance_of(seed, tag)
    told = [document for n in range(PAYMENTS) for document in payment(chance, f"{tag}{n}")]
    chance.shuffle(told)
    return told


async def check_503s_alone(
    process: ServiceProcess, documents: Sequence[Document]
) -> list[Document]:
    """Send events while the disk is full; return the refused ones."""
    refused = []
    for document, answer in await deliver_all(documents, process.service):
        if answer.status_code != 200:
            assert answer.status_code == 503
            assert answer.json()["code"] == "storage_unavailable"
            assert int(answer.headers["retry-after"]) > 0
            refused.append(document)
    return refused


async def check_all_taken(process: ServiceProcess, documents: Sequence[Document]) -> None:
    answers = await deliver_all(documents, process.service)
    assert {answer.status_code for _, answer in answers} <= {200}


async def check_still_shown(process: ServiceProcess) -> None:
    """What was acknowledged before can be read on."""
    answer = await process.service.client.get(f"/checkout/{SESSION_ID}")
    assert (answer.status_code, answer.json()["status"]) == (200, "paid")


async def test_a_disk_that_fills_up_under_load_causes_only_503s(
    disk: Disk, database_path: Path, figures: list[str]
) -> None:
    seed = new_seed()
    print(f"PROOF_SEED={seed}")  # noqa: T201 pytest shows it where the test fails
    told, refusals = [event()], 0

    async with running_process(disk.folder) as process:
        await check_all_taken(process, told)
        for number in range(FILLINGS):
            before, during = payments(seed, f"before{number}x"), payments(seed, f"during{number}x")
            load = asyncio.create_task(check_503s_alone(process, before))
            await asyncio.to_thread(disk.fill, process)
            refused = await load
            refused += await check_503s_alone(process, [*fat_events(number), *during])
            assert refused
            await check_still_shown(process)
            disk.free(process)
            await check_all_taken(process, refused)
            told += [*before, *fat_events(number), *during]
            refusals += len(refused)
        assert process.process.returncode is None

    path = disk.folder / "checkout.db"
    assert integrity(path) == "ok"
    assert state_of(path) == await expected_state(database_path, told)
    figures.append(
        f"full disk ({type(disk).__name__}): {FILLINGS} fillings in one process, {refusals:,} "
        f"refusals with 503, all of them taken later (PROOF_SEED={seed})"
    )


async def test_a_process_that_is_killed_on_a_full_disk_starts_once_there_is_room(
    disk: Disk, database_path: Path
) -> None:
    told = [event(), *payments(new_seed(), "x")]
    async with running_process(disk.folder) as process:
        await check_all_taken(process, told)
        disk.fill(process)
        refused = await check_503s_alone(process, fat_events(0))
        process.process.kill()
        await process.process.wait()
        disk.free(process)
        assert refused

    async with running_process(disk.folder) as process:
        await check_still_shown(process)
        await check_all_taken(process, refused)

    path = disk.folder / "checkout.db"
    assert integrity(path) == "ok"
    assert state_of(path) == await expected_state(database_path, [*told, *fat_events(0)])


async def test_files_that_become_read_only_under_load_cause_only_503s(
    tmp_path: Path, database_path: Path, migrated_path: Path
) -> None:
    if not can_take_writing_away(tmp_path):
        pytest.skip("no file here can be taken from who has it open")
    seed = new_seed()
    told = [event(), *payments(seed, "x"), *payments(seed, "y")]
    folder = tmp_path / "disk"
    folder.mkdir()
    path = Path(shutil.copy(migrated_path, folder / "checkout.db"))

    async with running_process(folder) as process:
        await check_all_taken(process, told[:1])
        with immutable([path, Path(f"{path}-wal")]):
            refused = await check_503s_alone(process, told[1:])
            await check_still_shown(process)
        await check_all_taken(process, refused)

    assert len(refused) == len(told) - 1
    assert integrity(path) == "ok"
    assert state_of(path) == await expected_state(database_path, told)


async def test_a_service_on_a_read_only_disk_says_so_and_starts_once_it_may_write(
    tmp_path: Path, migrated_path: Path
) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    with small_disk(folder):
        shutil.copy(migrated_path, folder / "checkout.db")

        assert not run("mount", "-o", "remount,ro", str(folder))
        ended = await altan_checkout(folder, "serve", "--port", "0")
        assert not run("mount", "-o", "remount,rw", str(folder))
        async with running_process(folder) as process:
            await check_all_taken(process, [event()])

    assert ended.status == 1
    assert "cannot be opened for writing" in ended.errors
