"""Every page is accessible, fits every screen, and logs nothing."""

import pytest
from playwright.async_api import Page

from tests.support.browser.axe import assert_accessible
from tests.support.browser.layout import assert_well_laid_out, outline_faults, width_faults
from tests.support.browser.places import PLACES, SUCCESS_PLACES, Place
from tests.support.browser.running import RunningDemo
from tests.support.browser.visitors import LANGUAGES, LOOKS, ORDINARY, Variant, Visitors
from tests.support.browser.watch import Watch

# A width changes no color: two looks show both colors and both widths.
BOTH_AT_ONCE = (Variant(narrow=True), Variant(dark=True))
LOOKED_AT = [
    (place, look) for place in PLACES for look in (LOOKS if place.is_main else BOTH_AT_ONCE)
]
each_main_place = pytest.mark.parametrize(
    "place", [place for place in PLACES if place.is_main], ids=str
)


async def at(
    place: Place, demo: RunningDemo, visitors: Visitors, watch: Watch, variant: Variant
) -> Page:
    if place.expects:
        watch.expect(place.expects)
    page = await visitors.new(variant)
    await place.reach(page, demo)
    return page


@each_main_place
async def test_everybody_can_use_a_page(
    demo: RunningDemo, visitors: Visitors, watch: Watch, place: Place
) -> None:
    page = await at(place, demo, visitors, watch, Variant(narrow=True))

    await assert_accessible(page)
    await assert_well_laid_out(page)


@each_main_place
async def test_a_page_is_whole_without_script(
    demo: RunningDemo, visitors: Visitors, watch: Watch, place: Place
) -> None:
    page = await at(place, demo, visitors, watch, Variant(script=False, narrow=True))

    assert [*await outline_faults(page), *await width_faults(page)] == []


@pytest.mark.e2e_long
@pytest.mark.parametrize(("place", "variant"), LOOKED_AT, ids=str)
async def test_everybody_can_use_a_page_however_they_look_at_it(
    demo: RunningDemo, visitors: Visitors, watch: Watch, place: Place, variant: Variant
) -> None:
    page = await at(place, demo, visitors, watch, variant)

    await assert_accessible(page)
    await assert_well_laid_out(page)


@pytest.mark.e2e_long
@pytest.mark.parametrize("variant", LANGUAGES[1:], ids=str)  # the first is that of every look
@pytest.mark.parametrize("place", SUCCESS_PLACES, ids=str)
async def test_everybody_can_use_a_page_in_their_language(
    demo: RunningDemo, visitors: Visitors, watch: Watch, place: Place, variant: Variant
) -> None:
    page = await at(place, demo, visitors, watch, variant)

    assert await page.get_attribute("html", "lang") == variant.locale[:2]
    await assert_accessible(page)
    await assert_well_laid_out(page)


async def test_a_dark_page_is_dark(demo: RunningDemo, visitors: Visitors) -> None:
    colors = []
    for variant in (ORDINARY, Variant(dark=True)):
        page = await visitors.new(variant)
        await page.goto(demo.shop_url)
        colors.append(await page.evaluate("getComputedStyle(document.body).backgroundColor"))

    light, dark = (sum(map(int, color[4:-1].split(","))) for color in colors)
    assert dark < 3 * 64 < 3 * 192 < light
