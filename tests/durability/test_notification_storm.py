"""Kills of the service and of the receiver on SQLite: every change is told once, in order."""

from pathlib import Path

from tests.support.cluster.fleet import Replica, Shop
from tests.support.durability.kit import SECRET, Kit
from tests.support.durability.storm import Storm, Victim
from tests.support.sizes import STORM_KILLS, chance_of, new_seed


async def test_no_kill_of_service_or_receiver_loses_a_notification_or_fulfills_twice(
    tmp_path: Path, database_path: Path, migrated_path: Path, figures: list[str]
) -> None:
    """SQLite's only process is the service, so its kill is the database's, too."""
    seed = new_seed()
    print(f"PROOF_SEED={seed}")  # noqa: T201 pytest shows it where the test fails
    kit = Kit(tmp_path / "kit")
    settings = {"NOTIFY_URL": kit.url, "NOTIFY_SECRETS": SECRET, "NOTIFY_FOREIGN": "true"}
    replica = Replica(Shop(tmp_path, settings, database_path, migrated_path))
    storm = Storm(replica.shop, [replica], kit)
    victims: list[tuple[str, Victim]] = [("service", replica), ("receiver", kit)]
    try:
        await kit.start()
        await replica.start()
        async with storm.buyers.buying():
            for number in range(STORM_KILLS):
                chance = chance_of(seed, "storm", number)
                await storm.kill(*victims[number % len(victims)], chance)
        await storm.settle()
    finally:
        await replica.end()
        await kit.kill()

    figures.append(f"notifications, SQLite: {await storm.check()} (PROOF_SEED={seed})")
