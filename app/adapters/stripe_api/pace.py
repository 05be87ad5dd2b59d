"""Paces calls, so that most of Stripe's rate limit is left for the shop's other programs."""

import asyncio
from typing import Final

CALLS_PER_S: Final = 5.0  # Stripe allows 25 a second in test mode and 100 in live (rate-limits)


class Pace:
    """Allows one call at a time, with an equal pause after each."""

    def __init__(self, calls_per_s: float = CALLS_PER_S) -> None:
        self._pause_s = 1 / calls_per_s
        self._free_at = 0.0

    async def turn(self) -> None:
        """Wait until a call may be made, in order of the requests."""
        now = asyncio.get_running_loop().time()
        turn_at = max(now, self._free_at)
        self._free_at = turn_at + self._pause_s
        await asyncio.sleep(turn_at - now)
