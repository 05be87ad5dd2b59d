"""What an act leads to: the session's next state, and the news that Stripe makes of it."""

from dataclasses import dataclass

from sandbox.stripe.objects import JsonObject
from sandbox.stripe.sessions import Session

News = list[tuple[str, JsonObject]]
"""Event types and the objects they are about, in the order in which they happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The session after an act, and the news of it."""

    session: Session
    news: News
