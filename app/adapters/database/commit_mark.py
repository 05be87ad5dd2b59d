"""Whether a transaction's COMMIT is on its way, as those see it who wait for the answer."""

from dataclasses import dataclass


@dataclass(slots=True)
class CommitMark:
    """Set before COMMIT is sent. Where no answer comes after that, nobody knows how it ended."""

    is_sent: bool = False
