"""How many notifications are posted at once."""

from typing import Final

from app.usecases.receiver_state import FAILURES_MAX

AT_ONCE: Final = 10


class Pace:
    """Ten at once; after an outage one, and twice as many after each that is accepted.

    A receiver that has just recovered, or that limits the rate, would refuse most of ten.
    """

    def __init__(self) -> None:
        self.at_once = AT_ONCE
        self._failures = 0  # consecutive, in this process

    def taken(self) -> None:
        """The receiver accepted one."""
        self._failures = 0
        self.at_once = min(2 * self.at_once, AT_ONCE)

    def failed(self) -> bool:
        """The receiver did not accept one; return whether these are too many in a row."""
        self._failures += 1
        if self._failures < FAILURES_MAX:
            return False
        self.slow_down()
        return True

    def slow_down(self) -> None:
        """Begin again with one at once."""
        self._failures = 0
        self.at_once = 1
