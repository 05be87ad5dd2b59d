"""What a payment's page must show, in a model too simple to share the service's bugs."""

import asyncio
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.support.builders import CHECKOUT_ID, Document, event, session
from tests.support.stripe_objects import charge, dispute, refund

PAYMENTS = (1, 2)
TOTAL = 300
FINAL = {"failed", "expired"}

Shown = tuple[str, int]  # status, and the refunded amount


def _of_session(type_: str, payment: int, **fields: object) -> Document:
    checkout_id = f"{CHECKOUT_ID[:-1]}{payment}"
    subject = session(
        id=f"cs_test_{payment}",
        amount_total=TOTAL,
        payment_intent=f"pi_{payment}",
        success_url=f"https://shop.example/?checkout_id={checkout_id}",
        **fields,
    )
    return event(f"checkout.session.{type_}", subject)


def _refund(payment: int, number: int) -> Document:
    subject = refund(
        id=f"re_{payment}_{number}",
        amount=100,
        charge=f"ch_{payment}",
        payment_intent=f"pi_{payment}",
    )
    return event("refund.created", subject)


KINDS: dict[str, Callable[[int], Document]] = {
    "unpaid": lambda n: _of_session("completed", n, payment_status="unpaid"),
    "paid": lambda n: _of_session("async_payment_succeeded", n),
    "failed": lambda n: _of_session("async_payment_failed", n, payment_status="unpaid"),
    "expired": lambda n: _of_session("expired", n, payment_status="unpaid"),
    "charge": lambda n: event("charge.succeeded", charge(id=f"ch_{n}", payment_intent=f"pi_{n}")),
    "dispute": lambda n: event(  # it contains only the charge's id
        "charge.dispute.created",
        dispute(id=f"dp_{n}", charge=f"ch_{n}", payment_intent=None),
    ),
    "refund_0": lambda n: _refund(n, 0),
    "refund_1": lambda n: _refund(n, 1),
    "refund_2": lambda n: _refund(n, 2),
}
OF_SESSION = {"unpaid", "paid", "failed", "expired"}


def expected(told: frozenset[str]) -> Shown:
    """Return what a payment's page shows after these events, in any order."""
    is_known = bool(told & OF_SESSION)  # and with it its payment intent
    refunded = 100 * sum(kind.startswith("refund") for kind in told) if is_known else 0
    is_charged = "charge" in told or refunded > 0  # either one contains the charge's intent
    if "paid" in told:
        if "dispute" in told and is_charged:
            return "disputed", refunded
        if refunded:
            return "refunded" if refunded >= TOTAL else "partially_refunded", refunded
        return "paid", refunded
    if "failed" in told:
        return "failed", 0  # nothing was taken
    if "unpaid" in told:
        return "processing", 0
    return "expired" if "expired" in told else "open", refunded


@dataclass(slots=True)
class Truth:
    """One payment's history. At each step several events may have been sent at once.

    `steps` has, for each, everything that may be shown from then until the next.
    """

    told: frozenset[str] = frozenset()
    steps: list[set[Shown]] = field(default_factory=lambda: [{expected(frozenset())}])

    def tell(self, kinds: Sequence[str]) -> None:
        for size in range(len(kinds) + 1):
            self.steps[-1] |= {
                expected(self.told | set(some)) for some in itertools.combinations(kinds, size)
            }
        self.told |= set(kinds)
        self.steps.append({self.now})

    @property
    def now(self) -> Shown:
        return expected(self.told)

    def since(self, step: int) -> set[Shown]:
        return set().union(*self.steps[step:])


@dataclass(slots=True, eq=False)
class Asked:
    """A request, what was acknowledged before it, and its answers so far."""

    payment: int
    step: int
    seen: list[Shown] = field(default_factory=list)
    must_end_when_not: Shown | None = None
    task: "asyncio.Task[None] | None" = None
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, text: str) -> None:
        document = json.loads(text)
        self.seen.append((document["status"], document["amount_refunded"]))

    @property
    def has_ended(self) -> bool:
        return self.task is not None and self.task.done()
