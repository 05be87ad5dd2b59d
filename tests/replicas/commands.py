"""Runs a command of the service on a database, beside its replicas or before them."""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.builders import ACCOUNT, ROOT, SECRET

COMMAND_S: Final = 60.0  # rebuilding many payments takes some seconds


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it said."""

    status: int | None
    output: str
    errors: str


async def altan_checkout(
    folder: Path, database_url: str, *arguments: str, **environment: str
) -> Ended:
    """`altan-checkout` with these arguments."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", *arguments),
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "ALTAN_ACCOUNT_ID": "00000000-0000-4000-8000-000000000000",
            "ALTAN_STRIPE_CONNECT_ID": ACCOUNT,
            "ALTAN_PAY_URL": "http://127.0.0.1:9",
            "STRIPE_WEBHOOK_SECRETS": SECRET,
            "APP_URL": "https://shop.example",
            "DATABASE_URL": database_url,
            **environment,
        },
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
