"""Replicas that are killed one at a time, at any moment, lose and duplicate nothing."""

import asyncio
from statistics import median
from typing import Final

import pytest

from tests.support.cluster.checks import assert_acknowledged_is_kept, assert_same_as_undisturbed
from tests.support.cluster.fleet import Shop, running_fleet
from tests.support.cluster.load import Load
from tests.support.sizes import FLEETS, ROUNDS, chance_of, new_seed
from tests.support.traffic import BUYERS, SENDERS

ANSWERS_MAX: Final = 120  # before a kill
AFTER_S_MAX: Final = 0.02  # between the answer that was counted and the kill: a few commits
WHILE_ONE_IS_DEAD: Final = 40
CUT_BY_A_KILL_MAX: Final = 2 * (SENDERS + BUYERS)  # once on a connection, once on one kept alive


@pytest.mark.parametrize("count", FLEETS)
async def test_no_kill_of_a_replica_takes_back_what_was_acknowledged(
    count: int, shop: Shop, figures: list[str]
) -> None:
    seed = new_seed()
    print(f"PROOF_SEED={seed}")  # noqa: T201 pytest shows it where the test fails
    async with running_fleet(shop, count) as fleet:
        load = Load(seed, url=fleet.url)

        async with load.running():
            for number in range(ROUNDS):
                chance = chance_of(seed, "kill", count, number)
                victim = chance.randrange(count)
                await load.acknowledged_more(chance.randint(1, ANSWERS_MAX))
                await asyncio.sleep(chance.uniform(0, AFTER_S_MAX))  # the moment is random
                await fleet.kill(victim)
                await load.acknowledged_more(WHILE_ONE_IS_DEAD)
                await assert_acknowledged_is_kept(shop.url, load)
                await fleet.restart(victim)
        answers, cut = dict(load.answers), load.cut
        expected = await assert_same_as_undisturbed(load, fleet)

    assert cut <= ROUNDS * CUT_BY_A_KILL_MAX, "a replica hung up that was not killed"
    assert load.cut == cut, "a replica disconnected after the load"
    starts_s = [start_s for replica in fleet.replicas for start_s in replica.starts_s[1:]]
    figures.append(
        f"load on {count} replicas: {ROUNDS} kills, {len(load.sent):,} events of "
        f"{len(expected.payments):,} payments, {len(load.bought):,} checkouts; answers {answers}, "
        f"{cut} cut off, {fleet.balancer.connections:,} connections balanced, "
        f"{fleet.balancer.refused:,} refusals passed by; start after a kill: median "
        f"{median(starts_s):.2f} s, worst {max(starts_s):.2f} s (PROOF_SEED={seed})"
    )
