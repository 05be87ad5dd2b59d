"""The result of an act: the session's next state, and the events that Stripe sends."""

from dataclasses import dataclass

from sandbox.stripe.objects import JsonObject
from sandbox.stripe.sessions import Session

News = list[tuple[str, JsonObject]]
"""Event types and their objects, in the order they happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The session after an act, and its events."""

    session: Session
    news: News
