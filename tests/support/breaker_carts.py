"""Carts for the tests of the circuit breaker."""

import ipaddress
import itertools

from app.domain.checkout.cart import Cart, LineItem, Mode
from app.domain.limits.breaker import (
    Asked,
    Breaker,
    Permit,
    Refused,
    State,
    Verdict,
)
from app.domain.limits.breaker_evidence import (
    FAILURES_MIN,
    WINDOW_S,
)
from app.domain.limits.cart_shapes import Shape, shape_of

USUAL = shape_of("https://shop.example/", "https://shop.example/", {})
ODD = shape_of("https://shop.example/", "https://shop.example/?%zz", {})


def cart(*prices: str, quantity: int = 1) -> Cart:
    return Cart(tuple(LineItem(price, quantity) for price in prices), Mode.PAYMENT)


class Shop:
    """A breaker, a clock, and new buyers."""

    def __init__(self, *worked: str) -> None:
        self.states = [State.CLOSED]
        self.breaker = Breaker(on_change=self.states.append)
        self.now_s = 0.0
        self._buyers = itertools.count(1)
        for price in worked:
            self.buy(Verdict.WORKED, cart(price))
        self.now_s += WINDOW_S + 1

    @property
    def state(self) -> State:
        return self.states[-1]

    def ask(
        self,
        bought: Cart,
        client: str = "",
        *,
        shape: Shape | None = USUAL,
        is_servers: bool = False,
    ) -> Permit | Refused:
        client = client or str(ipaddress.IPv4Address(next(self._buyers)))
        asked = Asked(client=client, cart=bought, shape=shape, is_servers=is_servers)
        return self.breaker.ask(asked, self.now_s)

    def buy(
        self,
        verdict: Verdict,
        bought: Cart | None = None,
        client: str = "",
        *,
        shape: Shape | None = USUAL,
        is_servers: bool = False,
    ) -> bool:
        """Run one checkout with this outcome, if the breaker permits it."""
        permit = self.ask(bought or cart("price_A"), client, shape=shape, is_servers=is_servers)
        if isinstance(permit, Refused):
            return False
        self.breaker.report(permit, verdict, self.now_s)
        return True

    def open_it(self) -> None:
        for _ in range(FAILURES_MIN):
            self.buy(Verdict.UNREACHABLE)
        assert self.state is State.OPEN
