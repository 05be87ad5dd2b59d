"""What is remembered between looks at Stripe, and who looks: the port and its values."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class LookState:
    """How far earlier looks came; None before the first. Times are of our clock.

    `looked_until_s`: events created before that have been looked for. `whole_look_at_ms`: when
    last all that Stripe keeps was looked through.
    """

    looked_until_s: int | None = None
    whole_look_at_ms: int | None = None


class LookStore(Protocol):
    """Keeps the state of the looks. Each method raises `StorageUnavailableError`."""

    async def look_state(self) -> LookState:
        """The state that was kept last."""
        ...

    async def lead_looks(self, holder: str, *, now_ms: int, until_ms: int) -> bool:
        """Let `holder` alone look until then; False while another one may."""
        ...

    async def keep_looks(self, holder: str, state: LookState, *, until_ms: int) -> None:
        """Keep the state of a look that is done; others may look after `until_ms`."""
        ...

    async def leave_looks(self, holder: str) -> None:
        """Let others look at once."""
        ...
