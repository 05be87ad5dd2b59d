"""Plots throughput and latency over the load, as SVG for light and dark pages."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

PANEL_WIDTH: Final = 250
PANEL_HEIGHT: Final = 220
MARGIN: Final = 12
GAP: Final = 62  # to the left of each panel, for its tick labels
TOP: Final = 92  # for the title, the legend, and the names of the measures
BOTTOM: Final = 46

# Colors that color-blind people can distinguish, on white and on black; the shapes differ too.
COLORS: Final = ("#0072b2", "#d55e00", "#009e73", "#b07aa1", "#8c8c8c")
MARKS: Final = ("circle", "square", "diamond", "triangle", "cross")

_STYLE: Final = """
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 15px; font-weight: 600 }
  .grid { stroke: #d1d9e0; stroke-width: 1 }
  .axis { stroke: #59636e; stroke-width: 1 }
  .page { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .grid { stroke: #30363d }
    .axis { stroke: #9198a1 }
    .page { fill: #0d1117 }
  }
"""


@dataclass(frozen=True, slots=True)
class Panel:
    """One measure: for each line, its values at the loads, in the loads' order."""

    name: str
    lines: Mapping[str, Sequence[float]]
    is_logarithmic: bool


def drawing(title: str, x_name: str, loads: Sequence[int], panels: Sequence[Panel]) -> str:
    """Return the SVG: the panels side by side over the same loads, and one legend above them."""
    width = len(panels) * (PANEL_WIDTH + GAP) + MARGIN
    height = TOP + PANEL_HEIGHT + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
        f' width="{width}" height="{height}" role="img" aria-label="{escape(title)}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="page" width="{width}" height="{height}"/>',
        _text(GAP, 24, title, extra=' class="title"'),
        *_legend(list(panels[0].lines)),
    ]
    for number, panel in enumerate(panels):
        left = GAP + number * (PANEL_WIDTH + GAP)
        parts += _panel(left, x_name, loads, panel)
    return "\n".join([*parts, "</svg>", ""])


def _legend(names: Sequence[str]) -> Iterator[str]:
    left = float(GAP)
    for number, name in enumerate(names):
        yield _mark(number, left + 6, 44)
        yield _text(left + 18, 48, name)
        left += 36 + 6.6 * len(name)


def _panel(left: float, x_name: str, loads: Sequence[int], panel: Panel) -> Iterator[str]:
    bottom, right = TOP + PANEL_HEIGHT, left + PANEL_WIDTH
    ticks = _ticks([value for line in panel.lines.values() for value in line], panel)
    place = _scale(ticks, bottom, is_logarithmic=panel.is_logarithmic)
    for tick in ticks:
        y = place(tick)
        yield f'<line class="grid" x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>'
        yield _text(left - 6, y + 4, f"{tick:,g}" if tick < 1 else f"{tick:,.0f}", anchor="end")
    yield f'<line class="axis" x1="{left}" y1="{bottom}" x2="{right}" y2="{bottom}"/>'
    yield f'<line class="axis" x1="{left}" y1="{TOP}" x2="{left}" y2="{bottom}"/>'
    step = PANEL_WIDTH / len(loads)
    xs = [left + step * (number + 0.5) for number in range(len(loads))]
    for x, load in zip(xs, loads, strict=True):
        yield f'<line class="axis" x1="{x:.1f}" y1="{bottom}" x2="{x:.1f}" y2="{bottom + 4}"/>'
        yield _text(x, bottom + 18, str(load), anchor="middle")
    yield _text(left + PANEL_WIDTH / 2, bottom + 36, x_name, anchor="middle")
    yield _text(left, TOP - 14, panel.name, extra=' font-weight="600"')
    for number, line in enumerate(panel.lines.values()):
        points = [(x, place(y)) for x, y in zip(xs, line, strict=False) if math.isfinite(y)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        color = COLORS[number % len(COLORS)]
        yield f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>'
        yield from (_mark(number, x, y) for x, y in points)


def _ticks(values: Sequence[float], panel: Panel) -> list[float]:
    known = [value for value in values if math.isfinite(value) and value > 0] or [1.0]
    if panel.is_logarithmic:
        first, last = math.floor(math.log10(min(known))), math.ceil(math.log10(max(known)))
        return [10.0**power for power in range(first, max(last, first + 1) + 1)]
    rough = max(known) / 5
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * times for times in (1, 2, 2.5, 5, 10) if unit * times >= rough)
    return [step * number for number in range(math.ceil(max(known) / step) + 1)]


def _scale(
    ticks: Sequence[float], bottom: float, *, is_logarithmic: bool
) -> Callable[[float], float]:
    """Return a value's position between the lowest and the highest tick."""

    def height(value: float) -> float:
        return math.log10(value) if is_logarithmic else value

    lowest, highest = height(ticks[0]), height(ticks[-1])
    return lambda value: bottom - PANEL_HEIGHT * (height(value) - lowest) / (highest - lowest)


def _mark(number: int, x: float, y: float) -> str:
    fill = f'fill="{COLORS[number % len(COLORS)]}"'
    match MARKS[number % len(MARKS)]:
        case "circle":
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" {fill}/>'
        case "square":
            return f'<rect x="{x - 3.5:.1f}" y="{y - 3.5:.1f}" width="7" height="7" {fill}/>'
        case "diamond":
            corners = [(x, y - 5), (x + 5, y), (x, y + 5), (x - 5, y)]
        case "triangle":
            corners = [(x, y - 5), (x + 5, y + 4), (x - 5, y + 4)]
        case _:
            arm = f"M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8"
            return f'<path d="{arm}" stroke{fill.removeprefix("fill")} stroke-width="2"/>'
    points = " ".join(f"{px:.1f},{py:.1f}" for px, py in corners)
    return f'<polygon points="{points}" {fill}/>'


def _text(x: float, y: float, words: str, *, anchor: str = "start", extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{escape(words)}</text>'
