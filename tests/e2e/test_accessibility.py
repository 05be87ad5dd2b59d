"""The page checks detect what they are for."""

from typing import Final

import pytest
from playwright.async_api import Page

from tests.support.browser.axe import accessibility_faults, assert_accessible
from tests.support.browser.layout import (
    assert_well_laid_out,
    keyboard_faults,
    outline_faults,
    width_faults,
)
from tests.support.browser.own_page import GOOD, STRICT, OwnPage
from tests.support.browser.visitors import Variant, Visitors
from tests.support.browser.watch import Watch

RADIOS: Final = """
<label><input type="radio" name="size" value="s"> small</label>
<label><input type="radio" name="size" value="l"> large</label>
<details><summary>More</summary><button>Hidden</button></details>
<button disabled>Later</button>
"""


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ("<input name='a'>", "label: Form elements must have labels"),
        ("<p style='color: #999; background: #fff'>Pale</p>", "color-contrast: "),
        ("<img src='data:,'>", "image-alt: "),
        (2 * "<button style='width: 9px; height: 9px'></button>", "target-size: "),
        ("<h3>Deep</h3>", "heading-order: "),
    ],
)
async def test_what_shuts_people_out_is_found_with_its_rule_and_element(
    page: Page, watch: Watch, own_page: OwnPage, more: str, rule: str
) -> None:
    watch.allow("data:,")  # a picture that is none
    own_page.add(more)
    await page.goto(own_page.url)

    faults = await accessibility_faults(page)

    assert any(fault.startswith(rule) and "Fix " in fault for fault in faults), faults
    with pytest.raises(AssertionError, match="is not accessible"):
        await assert_accessible(page)


async def test_a_missing_label_is_found_behind_the_strictest_policy(
    page: Page, own_page: OwnPage
) -> None:
    own_page.headers = {"Content-Security-Policy": "default-src 'none'; img-src data:"}
    own_page.add("<input name='a'>")
    await page.goto(own_page.url)

    assert [fault.split(": ")[0] for fault in await accessibility_faults(page)] == ["label"]
    assert await page.evaluate("typeof axe") == "undefined"


async def test_a_good_page_has_no_faults(page: Page, own_page: OwnPage) -> None:
    own_page.headers = STRICT
    own_page.add(RADIOS)
    await page.goto(own_page.url)

    await assert_accessible(page)
    await assert_well_laid_out(page)


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        (GOOD.replace("h1>", "h2>"), "there is not exactly one h1"),
        (GOOD.replace("{more}", "<h1>Two</h1>"), "there is not exactly one h1"),
        (GOOD.replace(' lang="en"', ""), "<html> names no language"),
        (GOOD.replace("<title>Good</title>", ""), "there is no title"),
    ],
)
async def test_a_page_without_its_bones_is_found(
    page: Page, own_page: OwnPage, html: str, fault: str
) -> None:
    own_page.html = html.format(more="")
    await page.goto(own_page.url)

    assert await outline_faults(page) == [fault]
    with pytest.raises(AssertionError, match=fault):
        await assert_well_laid_out(page)


@pytest.mark.parametrize("narrow", [True, False])
async def test_what_scrolls_sideways_is_found_on_the_screen_that_it_does_not_fit(
    visitors: Visitors, own_page: OwnPage, *, narrow: bool
) -> None:
    own_page.add("<div id='wide' style='width: 700px'>Wide</div>")
    page = await visitors.new(Variant(narrow=narrow))
    await page.goto(own_page.url)

    faults = await width_faults(page)

    assert any('id="wide"' in fault for fault in faults) == narrow
    assert bool(faults) == narrow


async def test_what_is_cut_off_is_found(page: Page, own_page: OwnPage) -> None:
    own_page.add("<p id='cut' style='width: 5rem; white-space: nowrap'>Longer than that</p>")
    await page.goto(own_page.url)

    (fault,) = await width_faults(page)

    assert fault.startswith('spills out of its box: <p id="cut"')


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ("<button tabindex='-1'>Out of reach</button>", "Tab does not reach <button"),
        ("<button style='outline: none'>Unseen</button>", "nothing shows the focus of <button"),
        ("<div tabindex='0' style='outline: 0'>x</div>", "nothing shows the focus of <div"),
    ],
)
async def test_a_control_that_the_keyboard_misses_is_found(
    page: Page, own_page: OwnPage, more: str, fault: str
) -> None:
    own_page.add(more)
    await page.goto(own_page.url)

    (found,) = await keyboard_faults(page)

    assert found.startswith(fault)
