import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.settings.settings import Settings
from app.web.pages.brand import CARD_DARK, CARD_LIGHT, VISIBLE, brand_style, contrast, text_color_on
from app.web.pages.pages import TEMPLATES

colors = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")


def accents(style: str) -> list[str]:
    """By day and by night."""
    return re.findall(r"--accent: ([^;]+);", style)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#767676", "#ffffff", 4.54),  # the lightest gray that WCAG's authors let pass on white
        ("#777777", "#ffffff", 4.48),
        ("#ff0000", "#ffffff", 4.0),
    ],
)
def test_contrast_is_what_wcag_says(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)
    assert contrast(other, one) == contrast(one, other)


@given(colors)
def test_text_on_any_color_is_readable(color: str) -> None:
    assert contrast(text_color_on(color), color) >= 4.5


@pytest.mark.parametrize(
    ("color", "text"),
    [
        ("#ffffff", "#000000"),
        ("#fff7d6", "#000000"),
        ("#000000", "#ffffff"),
        ("#3366d6", "#ffffff"),
    ],
)
def test_text_is_black_on_what_is_pale_and_white_on_what_is_dark(color: str, text: str) -> None:
    assert text_color_on(color) == text


@given(colors)
def test_lines_are_in_the_brands_color_only_where_they_can_be_seen(color: str) -> None:
    for accent, card in zip(accents(brand_style(color)), (CARD_LIGHT, CARD_DARK), strict=True):
        can_be_seen = contrast(color, card) >= VISIBLE
        assert accent == (color if can_be_seen else "var(--ink)")


def test_the_default_color_can_be_seen_by_day_and_by_night() -> None:
    color = Settings.model_fields["brand_color"].default

    assert accents(brand_style(color)) == [color, color]


def test_the_cards_colors_are_those_of_the_page() -> None:
    style = (TEMPLATES / "page.css").read_text()

    cards = [
        f"#{digits * 2 if len(digits) == 3 else digits}"
        for digits in re.findall(r"--card: #([0-9a-f]+);", style)
    ]
    assert cards == [CARD_LIGHT, CARD_DARK]
