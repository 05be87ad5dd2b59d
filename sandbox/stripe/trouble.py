"""What can go wrong with the webhooks of one act."""

from collections.abc import Mapping
from dataclasses import dataclass

DUPLICATE_MAX = 10
DELAY_S_MAX = 600.0


class TroubleRefusedError(ValueError):
    """The requested trouble is not valid; the message is sent to the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """How an act's events are delivered; by default, without any trouble."""

    duplicate: int = 1
    """How many copies of each event are sent, all at the same time."""
    reverse: bool = False
    """Send the act's last event first."""
    delay_s: float = 0
    withhold: bool = False
    """Send each event only on request, by its id."""

    @property
    def is_late(self) -> bool:
        """True if the buyer should return to the shop before the webhook arrives."""
        return self.withhold or self.delay_s > 0


def parse_trouble_json(value: object) -> Trouble:
    """Return the trouble in a JSON body such as `{"duplicate": 2, "reverse": true}`.

    Raises:
        TroubleRefusedError: A field is unknown, has the wrong type or is out of range.
    """
    if not isinstance(value, dict):
        raise TroubleRefusedError("The body must be an object.")
    unknown = set(value) - {"duplicate", "reverse", "delay_s", "withhold"}
    if unknown:
        raise TroubleRefusedError(f"Unknown field: {min(unknown)[:100]}.")
    duplicate, delay_s = value.get("duplicate", 1), value.get("delay_s", 0)
    if type(duplicate) is not int:
        raise TroubleRefusedError("duplicate must be a whole number.")
    if type(delay_s) not in (int, float):
        raise TroubleRefusedError("delay_s must be a number.")
    reverse, withhold = value.get("reverse", False), value.get("withhold", False)
    if type(reverse) is not bool or type(withhold) is not bool:
        raise TroubleRefusedError("reverse and withhold must be true or false.")
    return _checked(
        Trouble(duplicate=duplicate, reverse=reverse, delay_s=delay_s, withhold=withhold)
    )


def parse_trouble_form(fields: Mapping[str, str]) -> Trouble:
    """Return the trouble in the hosted page's form; an empty field means none.

    Raises:
        TroubleRefusedError: A field is not a number, or is out of range.
    """
    try:
        duplicate = int(fields.get("duplicate") or 1)
        delay_s = float(fields.get("delay_s") or 0)
    except ValueError as error:
        raise TroubleRefusedError("duplicate and delay_s (late by) must be numbers.") from error
    return _checked(
        Trouble(
            duplicate=duplicate,
            reverse="reverse" in fields,
            delay_s=delay_s,
            withhold="withhold" in fields,
        )
    )


def _checked(trouble: Trouble) -> Trouble:
    if not 1 <= trouble.duplicate <= DUPLICATE_MAX:
        raise TroubleRefusedError(f"duplicate must be 1 to {DUPLICATE_MAX}.")
    # Written this way so that NaN, for which every comparison is false, is rejected too.
    if not 0 <= trouble.delay_s <= DELAY_S_MAX:
        raise TroubleRefusedError(f"delay_s (late by) must be 0 to {DELAY_S_MAX:.0f} seconds.")
    return trouble
