"""An idempotency key leads to one checkout on every replica, even if one is killed."""

import asyncio
import os
import signal
from typing import Final

import httpx
import pytest

from tests.support.builders import Document, query, to_body
from tests.support.cluster.fleet import Replica, Shop, running_fleet
from tests.support.faults.upstream import Connection, Upstream, hangs, payment_page
from tests.support.postgres_server import fetch
from tests.support.traffic import CART, checkout_headers

KEYS: Final = 10
OTHER_CART: Final = {"line_items": [{"price": "price_A", "quantity": 2}]}


async def start(replica: Replica, key: str, cart: Document = CART) -> httpx.Response:
    return await replica.client.post(
        "/checkout", content=to_body(cart), headers=checkout_headers(key), timeout=60
    )


async def end_lease(url: str) -> list[Document]:
    """Let a lease expire; the tests under load wait for real expiry."""
    return await fetch(
        url, "UPDATE idempotency_keys SET lease_until_ms = 1 RETURNING state, checkout_id"
    )


async def test_the_same_key_at_two_replicas_at_once_is_one_session_and_one_answer(
    shop: Shop, altan_pay: Upstream
) -> None:
    async with running_fleet(shop) as fleet:
        first, second = fleet.replicas
        answers = await asyncio.gather(
            *(
                asyncio.gather(
                    start(first, f"key-{number}-at-both"), start(second, f"key-{number}-at-both")
                )
                for number in range(KEYS)
            )
        )
        others = await asyncio.gather(
            *(start(replica, "key-0-at-both", OTHER_CART) for replica in fleet.replicas)
        )

    assert altan_pay.calls == KEYS
    for one, other in answers:
        assert one.status_code == httpx.codes.OK
        assert one.json() == other.json()
    assert len({one.json()["session_id"] for one, _ in answers}) == KEYS
    assert {other.json()["code"] for other in others} == {"idempotency_key_reused"}


async def test_who_comes_while_another_replica_calls_gets_that_ones_answer(
    shop: Shop, altan_pay: Upstream
) -> None:
    may_answer = asyncio.Event()

    async def answers_later(connection: Connection) -> None:
        await may_answer.wait()
        await connection.send(payment_page())

    altan_pay.script = answers_later
    async with running_fleet(shop) as fleet:
        first, second = fleet.replicas
        one = asyncio.create_task(start(first, "key-of-the-first"))
        await altan_pay.wait_for_calls(1)
        two = asyncio.create_task(start(second, "key-of-the-first"))
        refused = await start(second, "key-of-the-first", OTHER_CART)
        may_answer.set()
        answers = await asyncio.gather(one, two)

    assert refused.json()["code"] == "idempotency_key_reused"
    assert altan_pay.calls == 1
    assert answers[0].json() == answers[1].json()


async def test_a_key_in_the_hand_of_a_killed_replica_is_taken_over_when_its_lease_is_over(
    shop: Shop, altan_pay: Upstream
) -> None:
    altan_pay.next_scripts = [hangs]
    async with running_fleet(shop) as fleet:
        first, second = fleet.replicas
        lost = asyncio.create_task(start(first, "key-of-the-dead"))
        await altan_pay.wait_for_calls(1)
        await first.kill()
        taking_over = asyncio.create_task(start(second, "key-of-the-dead"))
        refused = [await start(second, "key-of-the-dead", OTHER_CART)]
        calls_while_it_was_held = altan_pay.calls
        (held,) = await end_lease(shop.url)
        taken_over = await taking_over
        refused.append(await start(second, "key-of-the-dead", OTHER_CART))
        await fleet.restart(0)
        again = await start(first, "key-of-the-dead")

    with pytest.raises(httpx.TransportError):
        await lost
    assert (held["state"], calls_while_it_was_held, altan_pay.calls) == ("creating", 1, 2)
    assert {answer.json()["code"] for answer in refused} == {"idempotency_key_reused"}
    assert taken_over.status_code == httpx.codes.OK
    assert taken_over.json() == again.json()
    (checkout,) = query(shop.database_path, "SELECT id FROM checkouts")
    assert checkout["id"] == taken_over.json()["checkout_id"] != held["checkout_id"]


async def test_a_replica_that_slept_while_its_key_was_taken_over_gives_the_other_ones_answer(
    shop: Shop, altan_pay: Upstream
) -> None:
    """A machine that stood still, or was cut off: its session must not become a second checkout."""
    async with running_fleet(shop.having(ALTAN_PAY_TIMEOUT_S="60")) as fleet:
        sleeper, second = fleet.replicas
        pid = sleeper.running.process.pid

        async def answers_a_sleeper(connection: Connection) -> None:
            os.kill(pid, signal.SIGSTOP)
            await connection.send(payment_page())

        altan_pay.next_scripts = [answers_a_sleeper]
        asleep = asyncio.create_task(start(sleeper, "key-of-the-sleeper"))
        try:
            await altan_pay.wait_for_calls(1)
            await end_lease(shop.url)
            taken_over = await start(second, "key-of-the-sleeper")
        finally:
            os.kill(pid, signal.SIGCONT)
        late = await asleep

    assert altan_pay.calls == 2
    assert taken_over.status_code == late.status_code == httpx.codes.OK
    assert late.json() == taken_over.json()
    (checkout,) = query(shop.database_path, "SELECT id FROM checkouts")
    assert checkout["id"] == taken_over.json()["checkout_id"]
