"""Blocks carts that keep failing, while all others can be bought."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from app.domain.limits.breaker_evidence import CartSort

REST_S: Final = 10.0
FAILURES_OF_ONE: Final = 3  # then this cart is blocked for this household
HOUSEHOLDS_FAILING: Final = 5  # then for everybody; one stranger must not block a good product
FORGOTTEN_AFTER_S: Final = 300.0
SUSPECTS_MAX: Final = 1000


@dataclass(slots=True)
class _Suspect:
    failed_at_s: float
    failures: dict[str, int] = field(default_factory=dict)
    counted_at_s: dict[str, float] = field(default_factory=dict)
    rest_until_s: dict[str, float] = field(default_factory=dict)
    all_rest_until_s: float | None = None


class Quarantine:
    """Who may not send which cart, and for how long; afterwards, one call tests it."""

    def __init__(self) -> None:
        self._suspects: OrderedDict[CartSort, _Suspect] = OrderedDict()

    def __len__(self) -> int:
        return len(self._suspects)

    def clear(self) -> None:
        """Unblock all carts."""
        self._suspects.clear()

    def worked(self, sort: CartSort) -> None:
        """Unblock this cart for everybody, because it worked."""
        self._suspects.pop(sort, None)

    def failed(self, sort: CartSort, household: str, *, asked_at_s: float, now_s: float) -> None:
        """Count a failure; failures of concurrent calls count as one."""
        suspect = self._suspects.setdefault(sort, _Suspect(now_s))
        self._suspects.move_to_end(sort)
        if len(self._suspects) > SUSPECTS_MAX:
            self._suspects.popitem(last=False)
        suspect.failed_at_s = now_s
        if asked_at_s < suspect.counted_at_s.get(household, asked_at_s):
            return
        if household in suspect.failures or len(suspect.failures) < HOUSEHOLDS_FAILING:
            suspect.failures[household] = suspect.failures.get(household, 0) + 1
            suspect.counted_at_s[household] = now_s
        if suspect.failures.get(household, 0) >= FAILURES_OF_ONE:
            suspect.rest_until_s[household] = now_s + REST_S
        if len(suspect.failures) >= HOUSEHOLDS_FAILING:
            suspect.all_rest_until_s = now_s + REST_S

    def ask(self, sort: CartSort, household: str, now_s: float) -> float:
        """Return for how many seconds this household's cart is still blocked; 0 if it is not.

        The first to ask after the block makes a test call; it stays blocked for the others.
        """
        suspect = self._suspects.get(sort)
        if suspect is None:
            return 0
        if now_s - suspect.failed_at_s > FORGOTTEN_AFTER_S:
            del self._suspects[sort]
            return 0
        until_s = max(suspect.all_rest_until_s or 0.0, suspect.rest_until_s.get(household, 0.0))
        if until_s > now_s:
            return until_s - now_s
        if household in suspect.rest_until_s:
            suspect.rest_until_s[household] = now_s + REST_S
        if suspect.all_rest_until_s is not None:
            suspect.all_rest_until_s = now_s + REST_S
        return 0
