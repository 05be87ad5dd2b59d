"""`make screenshots`: pictures of every page, small and large, light and dark, from the demo."""

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.builders import ROOT
from tests.e2e.chromium import NoChromiumError, running_chromium
from tests.e2e.places import PLACES, Place
from tests.e2e.running import RunningDemo, running_demo
from tests.e2e.visitors import LOOKS, Visitors
from tests.e2e.watch import Watch

FOLDER: Final = ROOT / "docs/screenshots"
PICTURE_BYTES_MAX: Final = 150_000


async def take_pictures(
    places: Iterable[Place], folder: Path, demo: RunningDemo, visitors: Visitors
) -> list[Path]:
    """One PNG a place and look, named after both, as high as the screen."""
    paths = []
    for place in places:
        for look in LOOKS:
            page = await visitors.new(look)
            await place.reach(page, demo)
            path = folder / f"{place.name}-{look.size}-{look.colours}.png"
            await page.screenshot(path=path, animations="disabled")
            paths.append(path)
    return paths


async def main() -> None:
    with TemporaryDirectory() as data, running_demo(Path(data)) as demo:
        async with running_chromium() as browser:
            paths = await take_pictures(PLACES, FOLDER, demo, Visitors(browser, Watch()))
    for path in paths:
        size = path.stat().st_size
        fault = f": more than {PICTURE_BYTES_MAX} bytes" if size > PICTURE_BYTES_MAX else ""
        sys.stdout.write(f"{path.relative_to(ROOT)}  {size} bytes{fault}\n")


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except NoChromiumError as error:
        sys.exit(str(error))
