"""A shop's colour on a page, kept readable: WCAG 2.2, 1.4.3 and 1.4.11."""

from typing import Final

# The background of `main` in page.css, by day and by night.
CARD_LIGHT: Final = "#ffffff"
CARD_DARK: Final = "#1b2029"
VISIBLE: Final = 3.0  # the least contrast of a line or a shape that has to be seen

_BLACK, _WHITE = "#000000", "#ffffff"


def brand_style(color: str) -> str:
    """Custom properties of one brand colour, `#rrggbb`.

    `--brand` is for surfaces, with `--on-brand` written on it. `--accent` is for lines and shapes
    on the page itself; where they could not be seen in the brand's colour, they are the text's.
    """
    return (
        f":root {{ --brand: {color}; --on-brand: {text_color_on(color)}; "
        f"--accent: {_accent(color, CARD_LIGHT)}; }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ --accent: {_accent(color, CARD_DARK)}; "
        "} }\n"
    )


def text_color_on(color: str) -> str:
    """Black or white, whichever is read better on `color`."""
    return max(_BLACK, _WHITE, key=lambda text: contrast(text, color))


def contrast(one: str, other: str) -> float:
    """From 1 to 21 (WCAG 2.2, contrast ratio)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _accent(color: str, card: str) -> str:
    return color if contrast(color, card) >= VISIBLE else "var(--ink)"


def _luminance(color: str) -> float:
    """WCAG 2.2, relative luminance of an sRGB colour."""
    red, green, blue = (_linear(int(color[n : n + 2], 16) / 255) for n in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 the standard's
