"""A circuit breaker that one client's odd carts cannot open.

A pure state machine: the caller asks before each checkout, reports the outcome, and passes the
time. `breaker_evidence` decides what counts as an outage, `quarantine` which carts are blocked.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.domain.checkout.cart import Cart
from app.domain.limits.breaker_evidence import SHOPS_SERVER, CartSort, Evidence, KnownCarts
from app.domain.limits.cart_shapes import Shape
from app.domain.limits.networks import household_of
from app.domain.limits.quarantine import Quarantine

OPEN_S: Final = 10.0
PROBE_AGAIN_AFTER_S: Final = 5.0  # half open for this long, without a probe of another household
PROBE_WITH_ANY_AFTER_S: Final = 20.0  # half open for this long, without any cart that worked before


class State(StrEnum):
    """Closed: calls are made. Open: no calls. Half open: one call at a time, as a test."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Verdict(StrEnum):
    """The outcome of one checkout's calls."""

    WORKED = "worked"
    ANSWERED = "answered"
    """The cart or our ids were rejected: Altan Pay is reachable, and no more is known."""
    FAILED = "failed"
    """5xx, cut short, too slow or invalid: an outage, or this cart's fault."""
    UNREACHABLE = "unreachable"
    """There was no connection, so the cart cannot be at fault."""
    NONE = "none"
    """No call was made, or nobody waited for the response."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A cart that is to be sent. `shape` is that of all else which the client chose.

    `is_servers`: it came with a valid token, so from the shop's own server.
    """

    client: str
    cart: Cart
    shape: Shape | None
    is_servers: bool = False

    @property
    def household(self) -> str:
        """Who is likely to send its carts together with this one."""
        return SHOPS_SERVER if self.is_servers else household_of(self.client)


@dataclass(frozen=True, slots=True)
class Permit:
    """Permission for a call; pass it to `Breaker.report` afterwards."""

    asked: Asked
    sort: CartSort
    asked_at_s: float
    round: int
    is_probe: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """No call may be made for this many seconds; the reason is for the log."""

    reason: str
    retry_after_s: int


class Breaker:
    """`on_change` is called with each new state."""

    def __init__(self, *, on_change: Callable[[State], None], open_s: float = OPEN_S) -> None:
        self._on_change = on_change
        self._open_s = open_s
        self._state = State.CLOSED
        self._round = 0
        self._open_until_s = 0.0
        self._is_probing = False
        self._failed_prober: str | None = None
        self._known = KnownCarts()
        self._evidence = Evidence()
        self._quarantine = Quarantine()

    def ask(self, asked: Asked, now_s: float) -> Permit | Refused:
        """Return whether this client's cart may be sent now. `now_s` never decreases."""
        if self._state is State.OPEN and now_s >= self._open_until_s:
            self._go(State.HALF_OPEN)
        household, sort = asked.household, self._known.sort_of(asked.cart, asked.shape)
        if self._state is not State.CLOSED and not self._may_probe(household, sort, now_s):
            left_s = self._open_until_s - now_s
            return Refused("the circuit breaker is open", max(1, math.ceil(left_s)))
        rest_s = self._quarantine.ask(sort, household, now_s)
        if rest_s:
            return Refused("this cart kept failing and is blocked", math.ceil(rest_s))
        is_probe = self._state is State.HALF_OPEN
        self._is_probing = self._is_probing or is_probe
        return Permit(asked, sort, now_s, self._round, is_probe)

    def report(self, permit: Permit, verdict: Verdict, now_s: float) -> None:
        """Record a permitted call's outcome. Every permit must be reported, for any outcome."""
        if verdict is Verdict.WORKED:
            if not self._known:
                self._evidence.clear()  # previous failures may have been caused by odd carts only
            self._known.learn(permit.asked.cart, permit.asked.shape)
            self._quarantine.worked(permit.sort)
        if permit.round != self._round:
            return  # started before the last change of state: it says nothing about the present
        if permit.is_probe:
            self._is_probing = False
            self._end_probe(permit.asked.household, verdict, now_s)
        else:
            self._weigh(permit, verdict, now_s)

    def _may_probe(self, household: str, sort: CartSort, now_s: float) -> bool:
        """Ignore a stranger's odd cart for a while, so that it cannot keep the breaker open.

        A household whose probe failed lets others go first, because its cart may be at fault.
        """
        if self._state is State.OPEN or self._is_probing:
            return False
        waited_s = now_s - self._open_until_s
        if household == self._failed_prober and waited_s < PROBE_AGAIN_AFTER_S:
            return False
        return sort.is_known or not self._known or waited_s >= PROBE_WITH_ANY_AFTER_S

    def _end_probe(self, household: str, verdict: Verdict, now_s: float) -> None:
        if verdict in {Verdict.WORKED, Verdict.ANSWERED}:
            self._evidence.clear()
            self._failed_prober = None
            self._go(State.CLOSED)
        elif verdict is not Verdict.NONE:
            is_suspect = verdict is Verdict.FAILED and household != SHOPS_SERVER
            self._failed_prober = household if is_suspect else None
            self._open(now_s)

    def _weigh(self, permit: Permit, verdict: Verdict, now_s: float) -> None:
        household = permit.asked.household
        if verdict is Verdict.UNREACHABLE:
            self._evidence.add_unreachable(now_s)
        elif verdict is Verdict.FAILED:
            self._quarantine.failed(
                permit.sort, household, asked_at_s=permit.asked_at_s, now_s=now_s
            )
            if permit.sort.is_known or not self._known:
                self._evidence.add(household, permit.sort, now_s, worked=False)
        elif verdict is Verdict.WORKED:
            self._evidence.add(household, permit.sort, now_s, worked=True)
        elif verdict is Verdict.ANSWERED:
            self._evidence.reached()
        if self._evidence.shows_an_outage(now_s):
            self._quarantine.clear()  # the failures were not these carts' fault
            self._open(now_s)

    def _open(self, now_s: float) -> None:
        self._open_until_s = now_s + self._open_s
        self._go(State.OPEN)

    def _go(self, state: State) -> None:
        self._state = state
        self._round += 1
        self._on_change(state)
