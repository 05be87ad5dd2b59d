"""PostgreSQL stops or crashes while two replicas are under load: it causes only 503s."""

import asyncio
import signal
import time
from typing import Final

import httpx
import pytest

from tests.support.cluster.buying import deliver, paid, start, stream
from tests.support.cluster.checks import assert_acknowledged_is_kept, assert_same_as_undisturbed
from tests.support.cluster.fleet import Replica, Shop, running_fleet
from tests.support.cluster.load import Load
from tests.support.postgres_server import PostgresServer
from tests.support.sizes import ROUNDS, chance_of, new_seed

RECOVERY_S: Final = 30.0
OUTAGE_S_MAX: Final = 60.0
ANSWERS_MAX: Final = 120  # before the server goes
FAILED_MEANWHILE: Final = 30
OUTAGES: Final = (ROUNDS + 1) // 2


async def until_it_answers(load: Load, replica: Replica, status: int) -> httpx.Response:
    """Send it one of the load's webhooks repeatedly until the answer has this status."""
    document = load.next_event()
    async with asyncio.timeout(OUTAGE_S_MAX):
        while True:
            answer = await replica.service.deliver(document)
            if answer.status_code == status:
                return answer


async def assert_it_says_so(load: Load, replica: Replica) -> None:
    webhook = await until_it_answers(load, replica, httpx.codes.SERVICE_UNAVAILABLE)
    shown = await replica.client.get("/checkout/cs_test_unknown")
    live = await replica.client.get("/health/live")

    assert webhook.json()["code"] == shown.json()["code"] == "storage_unavailable"
    assert shown.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert "retry-after" in webhook.headers
    assert live.status_code == httpx.codes.OK


async def recovery_s(load: Load, replica: Replica, returned_at: float) -> float:
    await until_it_answers(load, replica, httpx.codes.OK)
    return time.monotonic() - returned_at


@pytest.mark.parametrize(
    "how", [signal.SIGINT, signal.SIGKILL], ids=["stopped and started", "killed"]
)
async def test_an_outage_of_postgresql_costs_503s_alone_and_is_over_when_it_is_back(
    how: signal.Signals, shop: Shop, server: PostgresServer, figures: list[str]
) -> None:
    seed, recoveries_s = new_seed(), list[float]()
    print(f"PROOF_SEED={seed}")  # noqa: T201 pytest shows it where the test fails
    async with running_fleet(shop) as fleet:
        load = Load(seed, url=fleet.url, storage_may_fail=True)

        async with load.running():
            for number in range(OUTAGES):
                chance = chance_of(seed, "outage", number)
                await load.acknowledged_more(chance.randint(1, ANSWERS_MAX))
                await asyncio.to_thread(server.stop, how)
                await asyncio.gather(
                    *(assert_it_says_so(load, replica) for replica in fleet.replicas)
                )
                await load.refused_more(FAILED_MEANWHILE)

                await asyncio.to_thread(server.start)
                back_at = time.monotonic()
                recoveries_s += await asyncio.gather(
                    *(recovery_s(load, replica, back_at) for replica in fleet.replicas)
                )
                await assert_acknowledged_is_kept(shop.url, load)
            await load.acknowledged_more(FAILED_MEANWHILE)
        load.storage_may_fail = False
        expected = await assert_same_as_undisturbed(load, fleet)

    assert max(recoveries_s) < RECOVERY_S
    assert load.cut == 0, "a replica hung up, which nobody had killed"
    figures.append(
        f"PostgreSQL {how.name}, {OUTAGES} times: every replica took a webhook again within "
        f"{max(recoveries_s) * 1000:.0f} ms of its return; {len(load.sent):,} events of "
        f"{len(expected.payments):,} payments, {len(load.bought):,} checkouts, "
        f"answers {dict(load.answers)} (PROOF_SEED={seed})"
    )


async def test_a_stream_survives_an_outage_and_a_replica_without_a_database_stops_on_sigterm(
    shop: Shop, server: PostgresServer
) -> None:
    async with running_fleet(shop) as fleet:
        first, second = fleet.replicas
        checkout = await start(first.service)
        async with stream(second, checkout["status_url"]) as statuses:
            assert await anext(statuses) == "open"
            await asyncio.to_thread(server.stop)
            down = await second.client.get(checkout["status_url"])
            await asyncio.to_thread(server.start)
            await deliver(first.service, paid(checkout))
            assert await anext(statuses) == "paid"
        await asyncio.to_thread(server.stop)
        processes = [replica.running.process for replica in fleet.replicas]
        for process in processes:
            process.terminate()
        ended = [await asyncio.wait_for(process.wait(), OUTAGE_S_MAX) for process in processes]

    assert down.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert set(ended) <= {0, -signal.SIGTERM, 128 + signal.SIGTERM}
