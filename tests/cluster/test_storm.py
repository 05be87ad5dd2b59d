"""Replicas that are killed one at a time, at any moment, lose nothing and double nothing."""

import asyncio
from statistics import median
from typing import Final

import pytest

from tests.support.cluster.checks import assert_as_if_nothing_had_been, assert_words_kept
from tests.support.cluster.fleet import Shop, running_fleet
from tests.support.cluster.storm import Storm
from tests.support.one_payment import BUYERS, SENDERS
from tests.support.sizes import FLEETS, ROUNDS, chance_of, new_seed

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
        storm = Storm(seed, url=fleet.url)

        async with storm.raging():
            for number in range(ROUNDS):
                chance = chance_of(seed, "kill", count, number)
                victim = chance.randrange(count)
                await storm.taken_more(chance.randint(1, ANSWERS_MAX))
                await asyncio.sleep(chance.uniform(0, AFTER_S_MAX))  # the moment is random
                await fleet.kill(victim)
                await storm.taken_more(WHILE_ONE_IS_DEAD)
                await assert_words_kept(shop.url, storm)
                await fleet.restart(victim)
        answers, cut = dict(storm.answers), storm.cut
        calm = await assert_as_if_nothing_had_been(storm, fleet)

    assert cut <= ROUNDS * CUT_BY_A_KILL_MAX, "a replica hung up that was not killed"
    assert storm.cut == cut, "a replica hung up after the storm"
    starts_s = [start_s for replica in fleet.replicas for start_s in replica.starts_s[1:]]
    figures.append(
        f"storm on {count} replicas: {ROUNDS} kills, {len(storm.told):,} events of "
        f"{len(calm.payments):,} payments, {len(storm.bought):,} checkouts; answers {answers}, "
        f"{cut} cut off, {fleet.balancer.connections:,} connections balanced, "
        f"{fleet.balancer.refused:,} refusals passed by; start after a kill: median "
        f"{median(starts_s):.2f} s, worst {max(starts_s):.2f} s (PROOF_SEED={seed})"
    )
