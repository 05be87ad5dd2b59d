"""The service as a process of its own."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from tests.support.builders import ACCOUNT, DEADLINE_S, ROOT, SECRET, Service
from tests.support.migrated import copy_migrated

_DROP_CAPABILITIES: Final = """
import ctypes, os, sys
if os.geteuid() == 0:
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
os.execv(sys.argv[1], sys.argv[1:])
"""
# Put before a command: file modes then apply even if root runs the tests, as in a container.
BOUND_BY_FILE_MODES: Final = (sys.executable, "-c", _DROP_CAPABILITIES)


def process_environment(folder: Path) -> dict[str, str]:
    """Return the environment of a process with these settings."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "ALTAN_ACCOUNT_ID": "00000000-0000-4000-8000-000000000000",
        "ALTAN_STRIPE_CONNECT_ID": ACCOUNT,
        "ALTAN_PAY_URL": "http://127.0.0.1:9",
        "STRIPE_WEBHOOK_SECRETS": SECRET,
        "APP_URL": "https://shop.example",
        "DATABASE_URL": f"sqlite:///{folder / 'checkout.db'}",
    }


@dataclass(frozen=True, slots=True)
class ServiceProcess:
    """The service as a separate process, with every line that it has logged."""

    service: Service
    process: asyncio.subprocess.Process
    lines: list[str]


@asynccontextmanager
async def running_process(
    folder: Path,
    command: Sequence[str] = (),
    module: Sequence[str] = ("app", "serve"),
    **environment: str,
) -> AsyncIterator[ServiceProcess]:
    """`altan-checkout serve`, or another `module` with its arguments.

    Its database is in `folder`, its environment as `process_environment`.

    `command` is put before it. When this ends, `lines` is complete.
    """
    if "DATABASE_URL" not in environment:
        copy_migrated(folder / "checkout.db")
    process = await asyncio.create_subprocess_exec(
        *(*command, sys.executable, "-m", *module, "--port", "0"),
        cwd=folder,
        env=process_environment(folder) | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    lines: list[str] = []
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not (address := re.search(r"running on (http://[0-9.:]+)", "".join(lines[-1:]))):
                assert not process.stdout.at_eof(), lines
                lines.append((await process.stdout.readline()).decode())
        reading = asyncio.create_task(_read_on(process.stdout, lines))
        async with httpx.AsyncClient(
            base_url=address[1], trust_env=False, timeout=DEADLINE_S
        ) as client:
            yield ServiceProcess(Service(client, folder / "checkout.db"), process, lines)
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(reading, 2 * DEADLINE_S)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _read_on(stdout: asyncio.StreamReader, lines: list[str]) -> None:
    while line := await stdout.readline():
        lines.append(line.decode())
