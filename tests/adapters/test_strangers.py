"""The simulation in docs/limits.md, with its smallest scenarios and a simulated clock."""

import pytest

from bench.strangers import SCENARIOS, simulate


@pytest.mark.parametrize("name", ["10 IPv6 /56", "10 IPv4 /24"])
async def test_ten_strangers_networks_keep_hardly_a_buyer_out(name: str) -> None:
    networks, client_of = SCENARIOS[name]

    without_shares = await simulate(networks, client_of, minutes=2, with_shares=False)
    outcome = await simulate(networks, client_of, minutes=2)

    assert outcome.buyers_refused <= 5  # those of the first minute, who find it taken
    assert without_shares.buyers_refused > outcome.buyers // 4
    assert outcome.pages_a_minute <= 2 * without_shares.pages_a_minute
