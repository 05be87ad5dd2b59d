"""Finds the machine's Chromium and starts it, with access to this machine only."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from playwright.async_api import Browser, async_playwright

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
# Requests to other hosts fail, and are noticed. shop.test is this machine, by a name that is not a
# secure context.
ADDRESSES: Final = "MAP shop.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"
ARGUMENTS: Final = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    f"--host-resolver-rules={ADDRESSES}",
)
LEFT_OUT: Final = (
    "--disable-back-forward-cache",
)  # of Playwright's defaults; buyers have this feature


class NoChromiumError(Exception):
    """There is no browser; the message says what to install."""


def find_chromium() -> str:
    """Return the program in CHROMIUM, or the first that is installed.

    Raises:
        NoChromiumError: there is none.
    """
    named = os.environ.get("CHROMIUM")
    programs = (named,) if named else PROGRAMS
    found = next(filter(None, map(shutil.which, programs)), None)
    if found is None:
        raise NoChromiumError(
            f"The browser tests need Chromium, and there is no {' or '.join(programs)} here. "
            "On Debian and Ubuntu: apt install chromium. Elsewhere: set CHROMIUM to its path."
        )
    return found


@asynccontextmanager
async def running_chromium() -> AsyncIterator[Browser]:
    """Run a headless browser until the block ends.

    Raises:
        NoChromiumError: there is none.
    """
    path = find_chromium()
    async with (
        async_playwright() as playwright,
        await playwright.chromium.launch(
            executable_path=path,
            args=ARGUMENTS,
            ignore_default_args=LEFT_OUT,
            chromium_sandbox=os.geteuid() != 0,  # it refuses to run as root
        ) as browser,
    ):
        yield browser
