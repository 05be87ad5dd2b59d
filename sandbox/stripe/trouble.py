"""What may be asked to go wrong with the webhooks of one act."""

from collections.abc import Mapping
from dataclasses import dataclass

DUPLICATE_MAX = 10
DELAY_S_MAX = 600.0


class TroubleRefusedError(ValueError):
    """The asked-for trouble makes no sense; the message is meant for the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """How an act's events are delivered; the default is no trouble."""

    duplicate: int = 1
    """How many times each event is sent, the copies at the same moment."""
    reverse: bool = False
    """The act's last event goes first."""
    delay_s: float = 0
    withhold: bool = False
    """Nothing is sent until each event is asked for by its id."""

    @property
    def is_late(self) -> bool:
        """True where the buyer is meant to be back at the shop before the webhook."""
        return self.withhold or self.delay_s > 0


def parse_trouble_json(value: object) -> Trouble:
    """Return the trouble of a JSON body such as `{"duplicate": 2, "reverse": true}`.

    Raises:
        TroubleRefusedError: A field is unknown, of the wrong type or out of its range.
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
    """Return the trouble of the hosted page's form; an empty field means none.

    Raises:
        TroubleRefusedError: A number is not one, or is out of its range.
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
    # Written so that NaN, which is neither below nor above anything, is refused too.
    if not 0 <= trouble.delay_s <= DELAY_S_MAX:
        raise TroubleRefusedError(f"delay_s (late by) must be 0 to {DELAY_S_MAX:.0f} seconds.")
    return trouble
