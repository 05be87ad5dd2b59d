"""Runs one of the service's commands on a database, with or without running processes."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.processes import process_environment

COMMAND_S: Final = 60.0  # rebuilding many payments takes some seconds


@dataclass(frozen=True, slots=True)
class Ended:
    """A command's exit status and output."""

    status: int | None
    output: str
    errors: str


async def altan_checkout(folder: Path, *arguments: str, **environment: str) -> Ended:
    """Run `altan-checkout` with these arguments, in `folder` and on the database there."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", *arguments),
        cwd=folder,
        env=process_environment(folder) | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), COMMAND_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Ended(process.returncode, output.decode(), errors.decode())
