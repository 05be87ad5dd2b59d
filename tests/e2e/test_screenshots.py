import struct
from pathlib import Path

import pytest

from tests.support.browser.running import RunningDemo
from tests.support.browser.screenshots import (
    FOLDER,
    PICTURE_BYTES_MAX,
    PICTURES,
    Picture,
    take_pictures,
)
from tests.support.browser.visitors import NARROW, WIDE, Visitors


def size_of(path: Path) -> tuple[int, int]:
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    return width, height


async def test_a_page_is_pictured_as_large_as_its_visitors_screen(
    demo: RunningDemo, visitors: Visitors, tmp_path: Path
) -> None:
    wide, narrow = PICTURES[:2]

    await take_pictures([wide, narrow], tmp_path, demo, visitors)

    assert size_of(tmp_path / wide.file_name) == (WIDE["width"], WIDE["height"])
    assert size_of(tmp_path / narrow.file_name) == (NARROW["width"], NARROW["height"])


def test_the_folder_has_just_the_pictures_that_are_taken() -> None:
    names = [picture.file_name for picture in PICTURES]

    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(names)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_is_small(picture: Picture) -> None:
    path = FOLDER / picture.file_name

    assert 0 < path.stat().st_size < PICTURE_BYTES_MAX
