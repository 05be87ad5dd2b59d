"""The command line's words for states: the console's. JSON has the stored names."""

from collections.abc import Mapping
from typing import Final, TypeVar

import typer

from app.domain.fold.records import EventState
from app.usecases.notification_tries import TryResult
from app.usecases.outbox import Delivery

State = TypeVar("State", EventState, Delivery)

EVENT_WORDS: Final[Mapping[EventState, str]] = {
    state: "processed" if state is EventState.FOLDED else state.value for state in EventState
}
DELIVERY_WORDS: Final[Mapping[Delivery, str]] = {
    state: "delivered" if state is Delivery.TAKEN else state.value for state in Delivery
}
RESULT_WORDS: Final[Mapping[TryResult, str]] = {
    TryResult.TAKEN: "delivered",
    TryResult.AGAIN: "to be tried again",
    TryResult.FAILED: "gave up",
}
EVENT_CHOICES: Final = "|".join(EVENT_WORDS.values())
DELIVERY_CHOICES: Final = "|".join(DELIVERY_WORDS.values())


def read_event_state(text: str) -> EventState:
    """Read a state as it is shown, or as JSON has it."""
    return _read(text, EVENT_WORDS)


def read_delivery(text: str) -> Delivery:
    """Read a state as it is shown, or as JSON has it."""
    return _read(text, DELIVERY_WORDS)


def _read(text: str, words: Mapping[State, str]) -> State:
    for state, word in words.items():
        if text in (word, state.value):
            return state
    raise typer.BadParameter(f"must be one of {', '.join(words.values())}")
