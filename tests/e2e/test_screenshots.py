import struct
from pathlib import Path

from tests.e2e.places import PLACES
from tests.e2e.running import RunningDemo
from tests.e2e.screenshots import PICTURE_BYTES_MAX, take_pictures
from tests.e2e.visitors import NARROW, WIDE, Visitors


async def test_a_page_is_pictured_small_and_large_light_and_dark(
    demo: RunningDemo, visitors: Visitors, tmp_path: Path
) -> None:
    paths = await take_pictures(PLACES[:1], tmp_path, demo, visitors)

    sizes = {path.name: struct.unpack(">II", path.read_bytes()[16:24]) for path in paths}
    wide, narrow = ((size["width"], size["height"]) for size in (WIDE, NARROW))
    assert sizes == {
        "shop-wide-light.png": wide,
        "shop-wide-dark.png": wide,
        "shop-narrow-light.png": narrow,
        "shop-narrow-dark.png": narrow,
    }
    assert len({path.read_bytes() for path in paths}) == 4
    assert all(path.stat().st_size < PICTURE_BYTES_MAX for path in paths)
