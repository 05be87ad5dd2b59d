"""A service process with low limits: who is served when they are reached."""

from contextlib import AsyncExitStack
from pathlib import Path

from tests.support.builders import SESSION_ID, event, session
from tests.support.processes import running_process
from tests.support.small_service import MODULE, room
from tests.support.status_service import open_stream
from tests.support.strangers import Connection, connected

GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
BEGUN = b"POST /checkout HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
UNPAID = event(id="evt_unpaid", subject=session(payment_status="unpaid"))
SCATTERED = ["127.0.1.1", "127.0.2.1", "127.0.3.1"]  # three networks
NEIGHBORS = ["127.0.1.1", "127.0.1.2", "127.0.1.3"]  # one /24


async def answer_to(connection: Connection, request: bytes = GET) -> int | None:
    await connection.say(request)
    return await connection.status()


async def test_when_all_connections_are_taken_webhooks_alone_are_heard(tmp_path: Path) -> None:
    async with (
        running_process(tmp_path, module=MODULE, **room(connections=3)) as running,
        connected(running.service.address, 3, sources=SCATTERED) as strangers,
    ):
        served = [await answer_to(stranger) for stranger in strangers]
        delivered = await running.service.deliver(event())
        refused = await running.service.client.get("/health/live")

        assert served == [200, 200, 200]
        assert (delivered.status_code, delivered.json()["outcome"]) == (200, "recorded")
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")


async def test_a_network_with_all_connections_gives_one_to_a_newcomer(tmp_path: Path) -> None:
    async with (
        running_process(tmp_path, module=MODULE, **room(connections=3)) as running,
        connected(running.service.address, 3, sources=NEIGHBORS) as strangers,
    ):
        served = [await answer_to(stranger) for stranger in strangers]
        buyer = await running.service.client.get("/metrics")
        await strangers[0].ends()

        assert [*served, buyer.status_code] == [200] * 4
        assert 'connection_outcomes_total{outcome="gave_way"} 1.0' in buyer.text
        assert await answer_to(strangers[1]) == 200


async def test_a_connection_that_gives_way_still_gets_its_current_answer(tmp_path: Path) -> None:
    async with (
        running_process(tmp_path, module=MODULE, **room(connections=2)) as running,
        connected(running.service.address, 2, sources=NEIGHBORS) as strangers,
    ):
        assert await answer_to(strangers[1]) == 200
        assert await answer_to(strangers[0], BEGUN) == 100  # it is under way
        assert (await running.service.client.get("/health/live")).status_code == 200

        assert await answer_to(strangers[0], b"{}") in {415, 422}
        await strangers[0].ends()


async def test_a_network_has_a_multiple_of_a_peers_connections(tmp_path: Path) -> None:
    neighbors = [f"127.0.1.{number}" for number in range(1, 10)]
    async with (
        running_process(tmp_path, module=MODULE, **room(of_peer=1)) as running,
        connected(running.service.address, 9, sources=neighbors) as strangers,
    ):
        assert [await answer_to(each) for each in strangers] == [200] * 8 + [503]
        metrics = (await running.service.client.get("/metrics")).text

        assert 'connection_outcomes_total{outcome="refused_network"} 1.0' in metrics


async def test_when_all_places_are_taken_the_owner_is_alerted(tmp_path: Path) -> None:
    async with running_process(tmp_path, module=MODULE, **room(places=1)) as running:
        client = running.service.client
        await running.service.deliver(UNPAID)
        async with AsyncExitStack() as stack:
            stream = await stack.enter_async_context(open_stream(client))
            await stream.next_status()
            waited = await client.get(f"/checkout/{SESSION_ID}?wait=60")
            metrics = (await client.get("/metrics")).text

        assert (waited.status_code, waited.json()["status"]) == (200, "processing")
        assert 'altan_checkout_alerts_total{name="live_places_full"} 1.0' in metrics
    assert any("live_places_full" in line for line in running.lines)
