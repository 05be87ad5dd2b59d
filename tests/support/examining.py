"""Runs `altan-checkout doctor` with settings, and returns its findings."""

import asyncio
import email.utils
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app.commands.doctor import examine
from app.commands.findings import Finding, Verdict
from app.settings.settings import Settings
from tests.support.builders import settings
from tests.support.wire import Script, Upstream, answer, upstream

OK, WARNING, FAILS = Verdict.OK, Verdict.WARNING, Verdict.FAILS


def dated(shift_s: float = 0) -> bytes:
    date = email.utils.formatdate(time.time() + shift_s, usegmt=True)
    return answer(b"", f"Date: {date}", "Connection: close")


@asynccontextmanager
async def altan_pay(
    *scripts: Script | bytes, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Upstream]:
    async with upstream(*(scripts or (dated(),)), tls=tls) as server:
        yield server


async def findings(examined: Settings) -> dict[str, Finding]:
    """Map findings by subject; a duplicate subject fails the test."""
    found = await asyncio.to_thread(lambda: list(examine(examined)))
    assert len({finding.subject for finding in found}) == len(found)
    return {finding.subject: finding for finding in found}


async def found(folder: Path, subject: str, **changes: object) -> Finding:
    return (await findings(settings(folder, **changes)))[subject]
