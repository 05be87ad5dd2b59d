"""Distinguishes an outage from one client's odd cart."""

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final

from app.domain.checkout.cart import Cart, Mode

WINDOW_S: Final = 300.0
WINDOW_PAIRS: Final = 20  # per household and kind of cart; the latest outcome of each counts
FAILURES_MIN: Final = 5  # fewer may be coincidence
HOUSEHOLDS_MIN: Final = 3  # fewer may be one stranger
KNOWN_MAX: Final = 1000  # prices that worked; a shop that sells more forgets the oldest


@dataclass(frozen=True, slots=True)
class CartSort:
    """A kind of cart that fails or works as one: a set of prices, with or without odd quantities.

    `is_known`: each price has worked in this mode, in at least this quantity.
    """

    mode: Mode
    prices: frozenset[str]
    is_known: bool


class KnownPrices:
    """Prices for which Altan Pay has created a payment page since the start."""

    def __init__(self) -> None:
        self._quantities: OrderedDict[tuple[Mode, str], int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._quantities)

    def sort_of(self, cart: Cart) -> CartSort:
        """Return this cart's kind."""
        is_known = all(
            item.quantity <= self._quantities.get((cart.mode, item.price), 0)
            for item in cart.line_items
        )
        return CartSort(cart.mode, frozenset(item.price for item in cart.line_items), is_known)

    def learn(self, cart: Cart) -> None:
        """Record that this cart worked."""
        for item in cart.line_items:
            key = (cart.mode, item.price)
            self._quantities[key] = max(item.quantity, self._quantities.get(key, item.quantity))
            self._quantities.move_to_end(key)
        while len(self._quantities) > KNOWN_MAX:
            self._quantities.popitem(last=False)


@dataclass(frozen=True, slots=True)
class _Outcome:
    at_s: float
    worked: bool


class Evidence:
    """The latest outcomes. Repeating one cart adds nothing."""

    def __init__(self) -> None:
        self._outcomes: OrderedDict[tuple[str, CartSort], _Outcome] = OrderedDict()
        self._unreachable_at_s: deque[float] = deque(maxlen=FAILURES_MIN)

    def clear(self) -> None:
        """Forget everything."""
        self._outcomes.clear()
        self._unreachable_at_s.clear()

    def reached(self) -> None:
        """Record that Altan Pay answered, so it can be reached."""
        self._unreachable_at_s.clear()

    def add_unreachable(self, now_s: float) -> None:
        """Record that there was no connection."""
        self._unreachable_at_s.append(now_s)

    def add(self, household: str, sort: CartSort, now_s: float, *, worked: bool) -> None:
        """Record the outcome of this household's cart; replaces the previous one."""
        if worked:
            self.reached()
        self._outcomes[household, sort] = _Outcome(now_s, worked)
        self._outcomes.move_to_end((household, sort))
        if len(self._outcomes) > WINDOW_PAIRS:
            self._outcomes.popitem(last=False)

    def shows_an_outage(self, now_s: float, *, is_cold: bool) -> bool:
        """Return whether Altan Pay is down, rather than one cart or client odd.

        `is_cold`: nothing has worked yet, so any cart may be odd; then several households must have
        failed.
        """
        oldest_s = now_s - WINDOW_S
        if sum(at_s >= oldest_s for at_s in self._unreachable_at_s) >= FAILURES_MIN:
            return True
        recent = {key: seen for key, seen in self._outcomes.items() if seen.at_s >= oldest_s}
        failed = {key: seen for key, seen in recent.items() if not seen.worked}
        households = {household for household, _ in failed}
        if len(failed) < FAILURES_MIN or (is_cold and len(households) < HOUSEHOLDS_MIN):
            return False
        # Several failing households count as an outage if nothing has worked since; failures of
        # one or two, who can fail as fast as they like, is held against all that went well before.
        worked_in_order = [seen.worked for seen in recent.values()]
        if len(households) >= HOUSEHOLDS_MIN:
            worked_in_order = worked_in_order[worked_in_order.index(False) :]
        worked = sum(worked_in_order)
        is_broad = len({sort.prices for _, sort in failed}) > 1
        return len(failed) >= worked and (is_broad or not worked)
