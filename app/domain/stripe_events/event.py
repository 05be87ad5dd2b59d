"""Reads Stripe events: their type, account, mode and object."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.errors import InvalidEventError
from app.domain.ids import EVENT_ID

_EVENT_TYPE = re.compile(r"[!-~]{1,255}")  # thin events' types contain brackets and dots
_CREATED_MAX = 2**37  # some thousand years from now, and still a valid date


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeEvent:
    """An event. `created_s` is in seconds; events may share one, so it does not order them.

    `subject` is the event's `data.object`, empty for a thin event, which only names its object;
    `previous_attributes` are the old values of the fields that an update changed. `thin_data` is a
    thin event's `data`.
    """

    id: str
    type: str
    created_s: int | None
    account: str | None
    livemode: bool | None
    subject: Mapping[str, object]
    previous_attributes: Mapping[str, object] = field(default_factory=dict)
    thin_data: Mapping[str, object] = field(default_factory=dict)


class IgnoredReason(StrEnum):
    """Why a signed event is acknowledged but ignored."""

    OTHER_ACCOUNT = "other_account"
    OTHER_MODE = "other_mode"


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events count. If `livemode` is None, both live and test events do."""

    account: str
    livemode: bool | None

    def reason_to_ignore(self, event: StripeEvent) -> IgnoredReason | None:
        """Return why `event` is not for this shop, or None if it is.

        A connected account's own endpoint gets events without `account`; a Connect endpoint gets
        them with one, and a live one also gets test events (Stripe: connect/webhooks).
        """
        if event.account is not None and event.account != self.account:
            return IgnoredReason.OTHER_ACCOUNT
        if self.livemode is not None and event.livemode is not self.livemode:
            return IgnoredReason.OTHER_MODE
        return None


def read_event(document: object) -> StripeEvent:
    """Read a parsed webhook body, a v1 event or a thin one (`"object": "v2.core.event"`).

    Raises:
        InvalidEventError: the document is not a Stripe event; the message names the field.
    """
    if not isinstance(document, dict):
        raise InvalidEventError("The body is not a JSON object, as Stripe's events are.")
    return StripeEvent(
        id=_required(document, "id", EVENT_ID),
        type=_required(document, "type", _EVENT_TYPE),
        created_s=_created_s(document),
        account=_account(document),
        livemode=_livemode(document),
        subject=_subject(document),
        previous_attributes=_previous_attributes(document),
        thin_data=_thin_data(document),
    )


def _required(document: Mapping[str, object], name: str, pattern: re.Pattern[str]) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise InvalidEventError(f"The event's {name} is missing or has an unexpected form.")
    return value


def _created_s(document: Mapping[str, object]) -> int | None:
    """Return `created`; None for thin events, which have it as text that is not needed here."""
    value = document.get("created")
    if value is None or isinstance(value, str):
        return None
    if type(value) is not int or not 0 <= value < _CREATED_MAX:
        raise InvalidEventError("The event's created is not a time in seconds.")
    return value


def _account(document: Mapping[str, object]) -> str | None:
    """Return the connected account: `account` in v1 events, the end of `context` in thin ones."""
    value = document.get("account")
    if value is None:
        value = document.get("context")
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidEventError("The event's account is not a string.")
    return value.rpartition("/")[2]


def _livemode(document: Mapping[str, object]) -> bool | None:
    value = document.get("livemode")
    if value is not None and not isinstance(value, bool):
        raise InvalidEventError("The event's livemode is not true or false.")
    return value


def _subject(document: Mapping[str, object]) -> Mapping[str, object]:
    if document.get("object") == "v2.core.event":
        return {}
    if document.get("object") != "event":
        raise InvalidEventError('The event\'s object is not "event" or "v2.core.event".')
    data = document.get("data")
    subject = data.get("object") if isinstance(data, dict) else None
    if not isinstance(subject, dict):
        raise InvalidEventError("The event's data.object is missing.")
    return subject


def _previous_attributes(document: Mapping[str, object]) -> Mapping[str, object]:
    """Return the previous attributes, which only update events have (Stripe, the event object)."""
    data = document.get("data")
    previous = data.get("previous_attributes") if isinstance(data, dict) else None
    return previous if isinstance(previous, dict) else {}


def _thin_data(document: Mapping[str, object]) -> Mapping[str, object]:
    data = document.get("data")
    is_thin = document.get("object") == "v2.core.event"
    return data if is_thin and isinstance(data, dict) else {}
