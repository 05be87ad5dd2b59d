"""Sends events to running services concurrently."""

import asyncio
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import httpx

from tests.support.builders import Document, Service, query

SENDERS: Final = 16
SEND_S: Final = 300.0  # in all; longer means that a service hangs


def new_folder(folder: Path, name: str, database: Path) -> Path:
    """Return a folder with a database whose schema is current, which saves a second."""
    made = folder / name
    made.mkdir()
    shutil.copy(database, made / "checkout.db")
    return made


async def deliver_all(
    documents: Iterable[Document], *services: Service
) -> list[tuple[Document, httpx.Response]]:
    """Send each event once, to the services in turn; return the answers."""
    answers: list[tuple[Document, httpx.Response]] = []
    todo = iter(enumerate(list(documents)))

    async def send() -> None:
        for number, document in todo:
            service = services[number % len(services)]
            answers.append((document, await service.deliver(document)))

    async with asyncio.timeout(SEND_S), asyncio.TaskGroup() as group:
        for _ in range(SENDERS):
            group.create_task(send())
    return answers


def integrity(path: Path) -> str:
    """Return SQLite's integrity check of its file."""
    (row,) = query(path, "PRAGMA integrity_check")
    return str(row["integrity_check"])
