"""What an act did, told on the page that follows it. The address has a name, and never a text."""

import re
from collections.abc import Mapping
from typing import Final

from starlette.datastructures import QueryParams

from app.domain.fold.records import EventState

DONE: Final = "done"
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_PLACE: Final = re.compile(r"\{([a-z]+)\}")
_NOTICES: Final[Mapping[str, str]] = {
    "seen": "The flag is marked as seen.",
    "erased": "The buyer's data was deleted. Event bodies deleted: {deleted}.",
    "erased_in_part": "Event bodies deleted: {deleted}; kept: {kept}, because these events were "
    "not processed yet. Replay them, then delete again.",
    "resent": "The notification is due now, and gets all of its tries again.",
    "paused": "Sending is paused. New notifications wait.",
    "resumed": "Sending goes on. All that waited is due now.",
    "checked": "Stripe was checked: {seen} events and objects looked at, {new} of them new, "
    "{changed} orders changed, {failed} could not be read.",
    "replayed": "{tried} events were processed again; {failed} of them failed.",
    f"replayed_{EventState.FOLDED}": "The event was processed, and its order is up to date.",
    f"replayed_{EventState.RECORDED}": "The event was processed. It concerns no order.",
    f"replayed_{EventState.WAITING}": "The event was processed. It waits for one that names its "
    "order.",
    f"replayed_{EventState.FAILED}": "The event was processed again, and failed again. The reason "
    "is below.",
    f"replayed_{EventState.UNREAD}": "The event is waiting to be read.",
}


def notice_in(query: QueryParams) -> str:
    """Return the notice that an address names; nothing if it names none of ours."""
    text = _NOTICES.get(query.get(DONE, ""), "")
    numbers = {name: query.get(name, "") for name in _PLACE.findall(text)}
    are_numbers = all(_NUMBER.fullmatch(number) for number in numbers.values())
    return text.format(**numbers) if are_numbers else ""
