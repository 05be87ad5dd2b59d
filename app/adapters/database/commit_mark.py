"""Records whether a transaction's COMMIT was sent, for callers that wait for the answer."""

from dataclasses import dataclass


@dataclass(slots=True)
class CommitMark:
    """Set before COMMIT is sent. If there is no answer after that, the outcome is unknown."""

    is_sent: bool = False
