"""Checks that axe-core lacks: sideways scrolling, and keyboard access to controls."""

from collections.abc import Sequence
from typing import Final

from playwright.async_api import Page

TOO_WIDE: Final = """
() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  return [...document.querySelectorAll("body, body *")]
    .filter((element) => element.getBoundingClientRect().right > room + 0.5)
    .map((element) => `wider than ${room} px: ${element.outerHTML.slice(0, 100)}`);
}
"""

# Content that does not fit is cut off silently if something around it clips.
CUT_OFF: Final = """
() => [...document.querySelectorAll("main *")]
  .filter((element) => element.clientWidth > 1 && element.scrollWidth > element.clientWidth + 1)
  .filter((element) => getComputedStyle(element).overflowX === "visible")
  .map((element) => `spills out of its box: ${element.outerHTML.slice(0, 100)}`)
"""

OUTLINE: Final = """
() => [
  [document.querySelectorAll("h1").length === 1, "there is not exactly one h1"],
  [document.documentElement.lang !== "", "<html> names no language"],
  [document.title !== "", "there is no title"],
].filter(([isRight]) => !isRight).map(([, fault]) => fault)
"""

# Of radio buttons with the same name, Tab reaches one, and arrow keys the others.
CONTROLS: Final = """
[...document.querySelectorAll(
  "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']",
)].filter((element, _, all) => {
  if (element.disabled || !element.checkVisibility({ visibilityProperty: true })) return false;
  if (element.type !== "radio") return true;
  const group = all.filter((other) => other.type === "radio" && other.name === element.name);
  return element === (group.find((other) => other.checked) ?? group[0]);
})
"""

LOOK: Final = """
(element) => {
  const style = getComputedStyle(element);
  const hasOutline = style.outlineStyle !== "none" && style.outlineWidth !== "0px";
  const outline = hasOutline ? style.outline : "none";
  return [outline, style.boxShadow, style.border, style.backgroundColor].join("; ");
}
"""

AT_REST: Final = f"""
() => {{
  document.activeElement.blur();
  const controls = {CONTROLS};
  return controls.map((element) => [element.outerHTML.slice(0, 100), ({LOOK})(element)]);
}}
"""

FOCUSED: Final = f"""
() => {{
  const controls = {CONTROLS};
  const place = controls.indexOf(document.activeElement);
  return place < 0 ? null : [place, ({LOOK})(document.activeElement)];
}}
"""


async def width_faults(page: Page) -> Sequence[str]:
    """Return elements that make the page scroll sideways, or do not fit."""
    return [*await page.evaluate(TOO_WIDE), *await page.evaluate(CUT_OFF)]


async def outline_faults(page: Page) -> Sequence[str]:
    """Return what readers of headings or users of screen readers miss."""
    return [*await page.evaluate(OUTLINE)]


async def keyboard_faults(page: Page) -> Sequence[str]:
    """Return controls that Tab does not reach, or that do not show their focus."""
    controls = await page.evaluate(AT_REST)
    looks: dict[int, str] = {}
    for _ in range(len(controls) + 2):  # one more step leaves the page, another one returns
        await page.keyboard.press("Tab")
        if focused := await page.evaluate(FOCUSED):
            looks.setdefault(*focused)
    return [
        fault
        for place, (name, at_rest) in enumerate(controls)
        for fault in [_fault_of_focus(name, at_rest, looks.get(place))]
        if fault
    ]


async def assert_well_laid_out(page: Page) -> None:
    faults = [
        *await width_faults(page),
        *await outline_faults(page),
        *await keyboard_faults(page),
    ]
    assert not faults, f"{page.url}:\n" + "\n".join(faults)


def _fault_of_focus(name: str, at_rest: str, focused: str | None) -> str | None:
    if focused is None:
        return f"Tab does not reach {name}"
    return f"nothing shows the focus of {name}" if focused == at_rest else None
