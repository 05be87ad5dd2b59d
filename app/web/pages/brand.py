"""A shop's color on a page, kept readable: WCAG 2.2, 1.4.3 and 1.4.11."""

from typing import Final

# The background of `main` in page.css, in light and dark mode.
CARD_LIGHT: Final = "#ffffff"
CARD_DARK: Final = "#1b2029"
VISIBLE: Final = 3.0  # the minimum contrast of a line or a shape

_BLACK, _WHITE = "#000000", "#ffffff"


def brand_style(color: str) -> str:
    """Return CSS custom properties for one brand color, `#rrggbb`.

    `--brand` is for surfaces, with text in `--on-brand`. `--accent` is for lines and shapes on the
    page itself; if the brand's color has too little contrast, it is the text's color.
    """
    return (
        f":root {{ --brand: {color}; --on-brand: {text_color_on(color)}; "
        f"--accent: {_accent(color, CARD_LIGHT)}; }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ --accent: {_accent(color, CARD_DARK)}; "
        "} }\n"
    )


def text_color_on(color: str) -> str:
    """Return black or white, whichever has more contrast on `color`."""
    return max(_BLACK, _WHITE, key=lambda text: contrast(text, color))


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio, from 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _accent(color: str, card: str) -> str:
    return color if contrast(color, card) >= VISIBLE else "var(--ink)"


def _luminance(color: str) -> float:
    """Return the relative luminance of an sRGB color (WCAG 2.2)."""
    red, green, blue = (_linear(int(color[n : n + 2], 16) / 255) for n in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 the standard's
