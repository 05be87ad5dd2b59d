"""Runs a command of the service on a folder's database, beside it or after it."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

from tests.builders import ACCOUNT, ROOT, SECRET

COMMAND_S: Final = 60.0  # rebuilding many payments takes some seconds


async def altan_checkout(folder: Path, *arguments: str) -> tuple[int | None, str, str]:
    """`altan-checkout` with these arguments: how it ended, its output, its errors."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", *arguments),
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "ALTAN_ACCOUNT_ID": "00000000-0000-4000-8000-000000000000",
            "ALTAN_STRIPE_CONNECT_ID": ACCOUNT,
            "STRIPE_WEBHOOK_SECRETS": SECRET,
            "APP_URL": "https://shop.example",
            "DATABASE_URL": f"sqlite:///{folder / 'checkout.db'}",
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
    return process.returncode, output.decode(), errors.decode()
