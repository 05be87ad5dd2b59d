"""SIGTERM on PostgreSQL: no new connections, and requests in progress are committed."""

import asyncio
import signal

import httpx
import pytest

from tests.support.builders import DEADLINE_S, event, query, sign, to_body
from tests.support.cluster.fleet import Shop, running_fleet
from tests.support.faults.upstream import Connection, Upstream, payment_page
from tests.support.traffic import CART, checkout_headers


async def until_refused(host: str, port: int) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, port)
            except ConnectionError:  # reset, where it closes while the handshake is under way
                return
            writer.close()
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("on", ["postgres", "sqlite"])
async def test_what_is_in_flight_at_sigterm_is_answered_and_kept(
    shop: Shop, altan_pay: Upstream, on: str
) -> None:
    may_answer = asyncio.Event()

    async def answers_later(connection: Connection) -> None:
        await may_answer.wait()
        await connection.send(payment_page())

    altan_pay.script = answers_later
    path = shop.database_path
    if on == "sqlite":
        path = shop.folder / "checkout.db"
        shop = shop.having(DATABASE_URL=f"sqlite:///{path}")
    async with running_fleet(shop, 1) as fleet:
        (replica,) = fleet.replicas
        running, address = replica.running, replica.service.address
        checkout = asyncio.create_task(
            replica.client.post(
                "/checkout", content=to_body(CART), headers=checkout_headers("key-in-flight")
            )
        )
        await altan_pay.wait_for_calls(1)
        body = to_body(event())
        reader, writer = await asyncio.open_connection(*address)
        head = f"Host: shop\r\nContent-Length: {len(body)}\r\nStripe-Signature: {sign(body)}"
        writer.write(f"POST /webhooks/stripe HTTP/1.1\r\n{head}\r\n\r\n".encode() + body[:9])
        await writer.drain()
        await replica.client.get("/health/live")  # by then the half of it has been read

        running.process.send_signal(signal.SIGTERM)
        await until_refused(*address)
        may_answer.set()
        writer.write(body[9:])
        webhook = await asyncio.wait_for(reader.read(), DEADLINE_S)
        writer.close()
        answer = await checkout
        status = await asyncio.wait_for(running.process.wait(), 2 * DEADLINE_S)

    assert webhook.startswith(b"HTTP/1.1 200 ")
    assert answer.status_code == httpx.codes.OK
    assert status in {0, -signal.SIGTERM, 128 + signal.SIGTERM}
    assert any('"stopped"' in line for line in running.lines)
    assert query(path, "SELECT id FROM events") == [{"id": "evt_1"}]
    (kept,) = query(path, "SELECT id FROM checkouts")
    assert kept["id"] == answer.json()["checkout_id"]
