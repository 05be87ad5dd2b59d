"""Describes a cart's faults: with JSON pointers, or by the fields of a form.

A form's faults have the pointers of the same cart in JSON, too, for programs.
"""

import re
from collections.abc import Sequence
from typing import Final

from app.domain.errors import Fault, first_of

NO_LINES: Final = "a form needs at least one price, each with its quantity"
_LINE_ITEMS: Final = "/line_items"
_LINE: Final = re.compile(rf"{_LINE_ITEMS}/([0-9]+)/(price|quantity)")
_METADATA: Final = "metadata/"


def described(
    title: str, faults: Sequence[Fault], *, is_form: bool, unlisted: int = 0
) -> tuple[str, Sequence[Fault]]:
    """Return an error's detail and its faults, in the words of a form or of JSON.

    `unlisted` faults are not in `faults`, and only counted.
    """
    if not is_form:
        return first_of(title, faults, unlisted=unlisted), faults
    faults = [_named(fault) for fault in faults]
    return first_of(title, faults, _in_words, unlisted=unlisted), faults


def _named(fault: Fault) -> Fault:
    """Return the fault of a line with the form's words for the line; any other unchanged."""
    line = _LINE.fullmatch(fault.pointer)
    if line is None:
        return fault
    return Fault(fault.pointer, f"the {line[2]} of line {int(line[1]) + 1} {fault.detail}")


def _in_words(fault: Fault) -> str:
    """Return a named fault as words that begin with the field."""
    if fault.pointer == _LINE_ITEMS or _LINE.fullmatch(fault.pointer):
        return fault.detail
    name = fault.pointer[1:].replace("~1", "/").replace("~0", "~")
    if name.startswith(_METADATA):
        name = f"metadata[{name.removeprefix(_METADATA)}]"
    return f"{name} {fault.detail}"
