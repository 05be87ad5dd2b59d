"""Orders that are paid and refunded while services, the receiver and the database are killed.

Each order has three events, sent one after the other until a service has acknowledged them. So the
receiver must be told three things of it, in that order.
"""

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

import httpx

from app.usecases.send_notifications import LEASE_MS
from tests.support.builders import Document, event, query, session
from tests.support.cluster.fleet import Replica, Shop
from tests.support.durability.kit import Kit, Told
from tests.support.stripe_objects import refund

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BUYERS: Final = 6
UNTOLD_MAX: Final = 600  # with so many, buyers wait for the receiver
TOLD_MAX: Final = 60  # messages between two kills
AFTER_S_MAX: Final = 0.02
HELD_MS: Final = 2_000  # who holds a lease for longer is dead, or busy: then it is sent twice
STORM_S: Final = 60.0  # for so few messages; longer means that something hangs
SETTLE_S: Final = 300.0
TYPES: Final = ("order.paid", "order.refunded", "order.refunded")
HELD_BACK_TRIES: Final = 3  # after its third failure, a message may be overtaken

_WAITING: Final = "SELECT count(*) AS count FROM notifications WHERE delivery <> 'taken'"


class Victim(Protocol):
    """What can be killed and started again."""

    async def kill(self) -> None: ...

    async def start(self) -> None: ...


@dataclass(slots=True)
class Buyers:
    """They buy from these replicas; while `must_wait` says so, they begin no other order."""

    replicas: Sequence[Replica]
    must_wait: Callable[[int], bool] = lambda _acknowledged: False
    acknowledged: int = 0
    orders: int = 0
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _is_over: bool = False

    @asynccontextmanager
    async def buying(self) -> "AsyncIterator[None]":
        """Send events until the block ends; then finish the orders that have begun."""
        async with asyncio.TaskGroup() as group:
            for _ in range(BUYERS):
                group.create_task(self._buy_on())
            yield
            self._is_over = True

    async def _buy_on(self) -> None:
        while not self._is_over:
            if self.must_wait(self.acknowledged):
                await asyncio.sleep(0.05)  # the pace of buyers; this waits for nothing
                continue
            number = next(self._numbers)
            self.orders += 1
            for document in events_of(number):
                await self._deliver(document, number)

    async def _deliver(self, document: Document, number: int) -> None:
        """Send it to one service after the other until it is acknowledged, as Stripe does."""
        async with asyncio.timeout(STORM_S):
            for turn in itertools.count(number):
                replica = self.replicas[turn % len(self.replicas)]
                if replica.is_running and await _is_acknowledged(replica, document):
                    self.acknowledged += 1
                    return
                await asyncio.sleep(0.02)  # Stripe's pause is longer; this waits for nothing


@dataclass(slots=True)
class Storm:
    """What is killed during the load, and the checks after it."""

    shop: Shop
    replicas: Sequence[Replica]
    kit: Kit
    kills: Counter[str] = field(default_factory=Counter)
    buyers: Buyers = field(init=False)

    def __post_init__(self) -> None:
        self.buyers = Buyers(self.replicas, self._is_behind)

    async def kill(self, name: str, victim: Victim, chance: random.Random) -> None:
        """Kill it after a few more messages, and start it again."""
        wanted = self.kit.told_count() + chance.randint(1, TOLD_MAX)
        async with asyncio.timeout(STORM_S):
            while self.kit.told_count() < wanted:  # noqa: ASYNC110 another process writes it
                await asyncio.sleep(0.01)
        await asyncio.sleep(chance.uniform(0, AFTER_S_MAX))  # a random moment; waits for nothing
        await victim.kill()
        self.kills[name] += 1
        await asyncio.sleep(chance.uniform(0, 5 * AFTER_S_MAX))  # as above
        await victim.start()
        await self._end_waits()

    async def settle(self) -> None:
        """Wait until the receiver has taken everything; the pauses between tries are cut short."""
        async with asyncio.timeout(SETTLE_S):
            while (await self._query(_WAITING))[0]["count"]:
                await self._end_waits()
                await self._query(
                    "UPDATE notifications SET due_at_ms = 0"
                    " WHERE delivery = 'waiting' AND leased_until_ms IS NULL"
                )
                await asyncio.sleep(0.5)  # the pace of looking; the sender needs no nudge

    async def check(self) -> str:
        """Compare what the kit has with the events that were sent; return the figures."""
        told, delivered = self.kit.told(), self.kit.delivered()
        stored = await self._query("SELECT id, order_id, type, cause FROM notifications")
        tries = await self._query("SELECT notification_id, result FROM notification_tries")

        order_ids = [session_of(number) for number in range(self.buyers.orders)]
        assert Counter(each.order["id"] for each in told) == dict.fromkeys(order_ids, len(TYPES))
        assert sorted(delivered) == sorted(order_ids), "an order was fulfilled twice, or never"
        assert {each.id for each in told} == {row["id"] for row in stored}
        changes = {(row["order_id"], row["type"], row["cause"]) for row in stored}
        assert len(changes) == len(stored), "a change has two ids"
        failures = Counter(row["notification_id"] for row in tries if row["result"] != "taken")
        overtaken = self._check_order(told, failures)
        taken = sum(row["result"] == "taken" for row in tries)
        return (
            f"{self.kills.total()} kills ({_listed(self.kills)}), {self.buyers.orders:,} orders, "
            f"{len(told):,} notifications: 0 lost, 0 orders fulfilled twice, one id each; "
            f"{taken - len(told):,} taken twice, {failures.total():,} tries failed, "
            f"{overtaken} orders with a message that failed {HELD_BACK_TRIES} times and was "
            "overtaken, all others in order"
        )

    def _check_order(self, told: Sequence[Told], failures: Counter[str]) -> int:
        """Each order's messages came in order, unless one failed so often that it may not hold."""
        overtaken = 0
        by_order: dict[str, list[Told]] = {}
        for each in told:
            by_order.setdefault(each.order["id"], []).append(each)
        for order_id, messages in by_order.items():
            if [each.type for each in messages] == list(TYPES) and _is_rising(messages):
                continue
            worst = max(failures[each.id] for each in messages)
            assert worst >= HELD_BACK_TRIES, f"{order_id}: {[each.type for each in messages]}"
            overtaken += 1
        return overtaken

    def _is_behind(self, acknowledged: int) -> bool:
        return acknowledged - self.kit.told_count() > UNTOLD_MAX

    async def _end_waits(self) -> None:
        """Let the next probe be due, and the leases of dead senders end: their time has passed."""
        await self._query("UPDATE notification_delivery SET probe_at_ms = 0")
        await self._query(
            "UPDATE notifications SET due_at_ms = 0, leased_until_ms = 0"
            " WHERE delivery = 'waiting' AND leased_until_ms < ?",
            time.time_ns() // 1_000_000 + LEASE_MS - HELD_MS,
        )

    async def _query(self, sql: str, *parameters: object) -> list[Document]:
        return await asyncio.to_thread(query, self.shop.database_path, sql, *parameters)


def session_of(number: int) -> str:
    return f"cs_test_{number:06}"


def events_of(number: int) -> list[Document]:
    """Return one order's events: it is paid, and refunded twice in part."""
    intent = f"pi_{number}"
    paid = session(id=session_of(number), payment_intent=intent)
    refunds = [
        refund(id=f"re_{number}_{part}", amount=100, charge=None, payment_intent=intent)
        for part in (1, 2)
    ]
    return [
        event(id=f"evt_{number}_paid", subject=paid),
        *(
            event("refund.created", part, id=f"evt_{number}_{place}")
            for place, part in enumerate(refunds)
        ),
    ]


async def _is_acknowledged(replica: Replica, document: Document) -> bool:
    try:
        answer = await replica.service.deliver(document)
    except (httpx.TransportError, RuntimeError):  # the latter: its client was closed by a kill
        return False
    if answer.status_code == httpx.codes.OK:
        return True
    assert answer.json()["code"] == "storage_unavailable", answer.text
    return False


def _is_rising(messages: Sequence[Told]) -> bool:
    versions = [each.order["version"] for each in messages]
    return versions == sorted(versions)


def _listed(kills: Counter[str]) -> str:
    return ", ".join(f"{count} of {name}" for name, count in sorted(kills.items()))
