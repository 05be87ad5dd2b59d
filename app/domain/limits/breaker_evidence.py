"""What speaks for an outage, and what may be one client's odd cart."""

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final

from app.domain.checkout.cart import Cart, Mode

WINDOW_S: Final = 300.0
WINDOW_PAIRS: Final = 20  # of a household and a sort of cart; the latest outcome of each counts
FAILURES_MIN: Final = 5  # fewer may be chance
HOUSEHOLDS_MIN: Final = 3  # fewer may be one stranger
KNOWN_MAX: Final = 1000  # prices that worked; a shop that sells more forgets the oldest


@dataclass(frozen=True, slots=True)
class CartSort:
    """Carts that fail or work together: one set of prices, with or without unusual quantities.

    `is_known`: each price has worked in this mode, in at least this quantity.
    """

    mode: Mode
    prices: frozenset[str]
    is_known: bool


class KnownPrices:
    """Prices with which Altan Pay has made a payment page since the start."""

    def __init__(self) -> None:
        self._quantities: OrderedDict[tuple[Mode, str], int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._quantities)

    def sort_of(self, cart: Cart) -> CartSort:
        """What this cart fails or works together with."""
        is_known = all(
            item.quantity <= self._quantities.get((cart.mode, item.price), 0)
            for item in cart.line_items
        )
        return CartSort(cart.mode, frozenset(item.price for item in cart.line_items), is_known)

    def learn(self, cart: Cart) -> None:
        """This cart has worked."""
        for item in cart.line_items:
            key = (cart.mode, item.price)
            self._quantities[key] = max(item.quantity, self._quantities.get(key, 0))
            self._quantities.move_to_end(key)
        while len(self._quantities) > KNOWN_MAX:
            self._quantities.popitem(last=False)


@dataclass(frozen=True, slots=True)
class _Outcome:
    at_s: float
    worked: bool


class Evidence:
    """The latest outcomes. Repeating one cart adds nothing, whoever has the patience."""

    def __init__(self) -> None:
        self._outcomes: OrderedDict[tuple[str, CartSort], _Outcome] = OrderedDict()
        self._unreachable_at_s: deque[float] = deque(maxlen=FAILURES_MIN)

    def clear(self) -> None:
        """Begin from nothing."""
        self._outcomes.clear()
        self._unreachable_at_s.clear()

    def reached(self) -> None:
        """Altan Pay answered, so it can be reached."""
        self._unreachable_at_s.clear()

    def add_unreachable(self, now_s: float) -> None:
        """There was no connection."""
        self._unreachable_at_s.append(now_s)

    def add(self, household: str, sort: CartSort, now_s: float, *, worked: bool) -> None:
        """What became of this household's cart; replaces what was known of the two."""
        if worked:
            self.reached()
        self._outcomes[household, sort] = _Outcome(now_s, worked)
        self._outcomes.move_to_end((household, sort))
        if len(self._outcomes) > WINDOW_PAIRS:
            self._outcomes.popitem(last=False)

    def shows_an_outage(self, now_s: float, *, is_cold: bool) -> bool:
        """Whether Altan Pay is down, rather than one cart or one client odd.

        `is_cold`: nothing has ever worked, so every cart may be odd; then several households must
        have met it.
        """
        oldest_s = now_s - WINDOW_S
        if sum(at_s >= oldest_s for at_s in self._unreachable_at_s) >= FAILURES_MIN:
            return True
        recent = {key: told for key, told in self._outcomes.items() if told.at_s >= oldest_s}
        failed = {key: told for key, told in recent.items() if not told.worked}
        households = {household for household, _ in failed}
        if len(failed) < FAILURES_MIN or (is_cold and len(households) < HOUSEHOLDS_MIN):
            return False
        # Several households that fail are believed when nothing has gone well since; the word of
        # one or two, who can fail as fast as they like, is held against all that went well before.
        told_in_order = [told.worked for told in recent.values()]
        if len(households) >= HOUSEHOLDS_MIN:
            told_in_order = told_in_order[told_in_order.index(False) :]
        worked = sum(told_in_order)
        is_broad = len({sort.prices for _, sort in failed}) > 1
        return len(failed) >= worked and (is_broad or not worked)
