"""A checkout that is started once: its keys, and payment pages that are counted."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from app.adapters.system import RandomCheckoutIds
from app.databases import AnyDatabase
from app.domain.checkout.cart import Cart, LineItem, Mode
from app.domain.checkout.catalog import Catalog
from app.domain.checkout.idempotency import (
    fingerprint,
    read_idempotency_key,
)
from app.domain.checkout.redirects import PaymentPage, RedirectPolicy
from app.usecases.ports import CartLimits
from app.usecases.records import Claim, ClaimState, SessionOrder
from app.usecases.start_checkout import StartCheckout
from app.usecases.start_checkout_once import StartCheckoutOnce
from app.usecases.storage import Database, Transaction
from tests.support.builders import (
    CHECKOUT_ID,
    DEADLINE_S,
    NOW_S,
    FixedClock,
    NoLimits,
    checkout_request,
    query,
)

T = TypeVar("T")

NOW_MS = NOW_S * 1000
LEASE_S = 15.0
LEASE_MS = int(LEASE_S * 1000)
KEY = read_idempotency_key("a click on Buy")
REQUEST = checkout_request(Cart((LineItem("price_A", 1), LineItem("price_B", 2)), Mode.PAYMENT))
REORDERED = checkout_request(Cart((LineItem("price_B", 2), LineItem("price_A", 1)), Mode.PAYMENT))
ANOTHER = checkout_request(Cart((LineItem("price_A", 2), LineItem("price_B", 2)), Mode.PAYMENT))


@dataclass(slots=True)
class NumberedPages:
    """Altan Pay, played: each call makes a session of its own, when the test lets it."""

    failures: list[Exception] = field(default_factory=list)
    calls: int = 0
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    called: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()

    async def create(self, order: SessionOrder) -> PaymentPage:
        assert order.cart.line_items
        self.calls += 1
        number = self.calls
        self.called.set()
        await self.may_answer.wait()
        if self.failures:
            raise self.failures.pop(0)
        return PaymentPage(f"https://checkout.stripe.com/pay/cs_{number}", f"cs_{number}")


def once(  # noqa: PLR0913 each is a part of the shop
    database: Database,
    pages: NumberedPages,
    clock: FixedClock,
    *,
    wait_s: float = DEADLINE_S,
    catalog: Catalog | None = None,
    limits: CartLimits | None = None,
) -> StartCheckoutOnce:
    start = StartCheckout(
        redirects=RedirectPolicy(
            allowed_origins=frozenset({"https://shop.example"}),
            success_url_default="https://shop.example",
            cancel_url_default="https://shop.example",
        ),
        catalog=lambda: catalog,
        limits=limits or NoLimits(),
        payment_pages=pages,
        database=database,
        clock=clock,
        ids=RandomCheckoutIds(),
    )
    return StartCheckoutOnce(start=start, lease_s=LEASE_S, wait_s=wait_s)


def claim(**changes: object) -> Claim:
    values: dict[str, object] = {
        "key_digest": KEY.digest,
        "fingerprint": fingerprint(REQUEST),
        "checkout_id": CHECKOUT_ID,
        "state": ClaimState.CREATING,
        "lease_until_ms": NOW_MS + LEASE_MS,
        "created_at_ms": NOW_MS,
    }
    return Claim(**(values | changes))  # type: ignore[arg-type]


async def seed(database: AnyDatabase, seeded: Claim) -> None:
    async def act(transaction: Transaction) -> None:
        await transaction.claim(seeded, dead_before_ms=0)
        await transaction.commit()

    await database.write(act)


def keys(path: Path) -> list[tuple[str, str]]:
    rows = query(path, "SELECT checkout_id, state FROM idempotency_keys ORDER BY key_digest")
    return [(row["checkout_id"], row["state"]) for row in rows]


def checkouts(path: Path) -> list[str]:
    return [row["id"] for row in query(path, "SELECT id FROM checkouts ORDER BY id")]
