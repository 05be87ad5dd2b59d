"""Kills of replicas, receiver and PostgreSQL: every change is told once, in order."""

import asyncio
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.cluster.fleet import Shop, running_fleet
from tests.support.durability.kit import SECRET, Kit
from tests.support.durability.storm import Storm, Victim
from tests.support.postgres_server import PostgresServer
from tests.support.sizes import STORM_KILLS, chance_of, new_seed


@dataclass(frozen=True, slots=True)
class Crashing:
    """PostgreSQL: an immediate stop, which is a crash to everybody who is connected."""

    server: PostgresServer

    async def kill(self) -> None:
        await asyncio.to_thread(self.server.stop, signal.SIGQUIT)

    async def start(self) -> None:
        await asyncio.to_thread(self.server.start)


@pytest.mark.parametrize("count", [1, 3])
async def test_no_kill_of_replica_receiver_or_database_loses_a_notification_or_fulfills_twice(
    count: int, tmp_path: Path, shop: Shop, server: PostgresServer, figures: list[str]
) -> None:
    seed = new_seed()
    print(f"PROOF_SEED={seed}")  # noqa: T201 pytest shows it where the test fails
    kit = Kit(tmp_path / "kit")
    settings = {"NOTIFY_URL": kit.url, "NOTIFY_SECRETS": SECRET, "NOTIFY_FOREIGN": "true"}
    await kit.start()

    try:
        async with running_fleet(shop.having(**settings), count) as fleet:
            storm = Storm(shop, fleet.replicas, kit)
            async with storm.buyers.buying():
                for number in range(STORM_KILLS):
                    chance = chance_of(seed, "storm", count, number)
                    victims: list[tuple[str, Victim]] = [
                        ("service", chance.choice(fleet.replicas)),
                        ("receiver", kit),
                        ("database", Crashing(server)),
                    ]
                    await storm.kill(*victims[number % len(victims)], chance)
            await storm.settle()
    finally:
        await kit.kill()

    words = f"notifications, PostgreSQL, {count} replica{'s' if count > 1 else ''}"
    figures.append(f"{words}: {await storm.check()} (PROOF_SEED={seed})")
