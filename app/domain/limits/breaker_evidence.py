"""Distinguishes an outage from one client's odd cart."""

from collections import Counter, OrderedDict, deque
from dataclasses import dataclass
from typing import Final

from app.domain.checkout.cart import Cart, Mode
from app.domain.limits.cart_shapes import Shape

WINDOW_S: Final = 300.0
WINDOW_PAIRS: Final = 20  # per household and kind of cart; the latest outcome of each counts
FAILURES_MIN: Final = 5  # fewer may be coincidence
HOUSEHOLD_FAILURES_MAX: Final = 2  # that count, so it takes three households: one may be a stranger
HOUSEHOLDS_MIN: Final = 3  # whose failures count against what worked since, not before
KNOWN_MAX: Final = 1000  # prices, and shapes, that worked; the oldest are forgotten
SHOPS_SERVER: Final = "the shop's server"  # the household of all carts with a valid token


@dataclass(frozen=True, slots=True)
class CartSort:
    """A kind of cart that fails or works as one: a set of prices, with or without anything odd.

    `is_known`: each price has worked in this mode, in at least this quantity, and so has the shape
    of all else that the client chose.
    """

    mode: Mode
    prices: frozenset[str]
    is_known: bool


class KnownCarts:
    """Prices and shapes for which Altan Pay has created a payment page since the start."""

    def __init__(self) -> None:
        self._quantities: OrderedDict[tuple[Mode, str], int] = OrderedDict()
        self._shapes: OrderedDict[Shape | None, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._quantities)

    def sort_of(self, cart: Cart, shape: Shape | None) -> CartSort:
        """Return this cart's kind; a `shape` of None is never known."""
        is_known = shape in self._shapes and all(
            item.quantity <= self._quantities.get((cart.mode, item.price), 0)
            for item in cart.line_items
        )
        return CartSort(cart.mode, frozenset(item.price for item in cart.line_items), is_known)

    def learn(self, cart: Cart, shape: Shape | None) -> None:
        """Record that this cart worked."""
        if shape is not None:
            self._shapes[shape] = None
            self._shapes.move_to_end(shape)
        if len(self._shapes) > KNOWN_MAX:
            self._shapes.popitem(last=False)
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

    def shows_an_outage(self, now_s: float) -> bool:
        """Return whether Altan Pay is down, rather than one cart or client odd."""
        oldest_s = now_s - WINDOW_S
        if sum(at_s >= oldest_s for at_s in self._unreachable_at_s) >= FAILURES_MIN:
            return True
        recent = {key: seen for key, seen in self._outcomes.items() if seen.at_s >= oldest_s}
        failed = [key for key, seen in recent.items() if not seen.worked]
        by_household = Counter(household for household, _ in failed)
        failures = sum(
            count if household == SHOPS_SERVER else min(count, HOUSEHOLD_FAILURES_MAX)
            for household, count in by_household.items()
        )
        if failures < FAILURES_MIN:
            return False
        # Several failing households count as an outage if nothing has worked since; failures of
        # the shop's server, where one client may be behind them, are held against all that worked.
        worked_in_order = [seen.worked for seen in recent.values()]
        if len(by_household) >= HOUSEHOLDS_MIN:
            worked_in_order = worked_in_order[worked_in_order.index(False) :]
        worked = sum(worked_in_order)
        is_broad = len({sort.prices for _, sort in failed}) > 1
        return failures >= worked and (is_broad or not worked)
