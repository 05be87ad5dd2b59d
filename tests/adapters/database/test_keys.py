"""Idempotency keys and who holds them, on both databases."""

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from app.databases import AnyDatabase
from app.usecases.records import Claim, ClaimState
from app.usecases.storage import Transaction
from tests.support.builders import CHECKOUT_ID
from tests.support.committed import committed
from tests.support.stores import (
    NOW_MS,
)


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def claimed(**changes: Any) -> Claim:  # noqa: ANN401 any field
    values: dict[str, Any] = {
        "key_digest": "a" * 64,
        "fingerprint": "b" * 64,
        "checkout_id": CHECKOUT_ID,
        "state": ClaimState.CREATING,
        "lease_until_ms": NOW_MS + 5,
        "created_at_ms": NOW_MS,
    }
    return Claim(**(values | changes))


async def test_a_key_has_one_holder_until_it_is_given_back(database: AnyDatabase) -> None:
    first, second = claimed(), claimed(checkout_id=CHECKOUT_ID[:-1] + "v")

    async def claim(transaction: Transaction, wanted: Claim) -> Claim:
        holder = await transaction.claim(wanted, dead_before_ms=0)
        await transaction.commit()
        return holder

    holders = await asyncio.gather(
        *(database.write(partial(claim, wanted=wanted)) for wanted in (first, second))
    )

    assert holders[0] == holders[1] in (first, second)
    assert await database.find_claim(first.key_digest) == holders[0]
    await committed(database, lambda t: t.free_claim(first.key_digest, holders[0].checkout_id))
    assert await database.find_claim(first.key_digest) is None


async def test_a_key_is_fulfilled_by_its_holder_alone_and_forgotten_in_time(
    database: AnyDatabase,
) -> None:
    claim = claimed()
    await committed(database, lambda t: t.claim(claim, dead_before_ms=0))

    async def fulfil(transaction: Transaction, checkout_id: str) -> bool:
        is_mine = await transaction.fulfil_claim(claim.key_digest, checkout_id)
        await transaction.commit()
        return is_mine

    async def forget(transaction: Transaction, before_ms: int) -> int:
        forgotten = await transaction.forget_claims(dead_before_ms=before_ms)
        await transaction.commit()
        return forgotten

    assert not await database.write(partial(fulfil, checkout_id="somebody else's"))
    assert await database.write(partial(fulfil, checkout_id=CHECKOUT_ID))
    assert await database.find_claim(claim.key_digest) == replace(claim, state=ClaimState.OPEN)
    assert await database.write(partial(forget, before_ms=NOW_MS)) == 0
    assert await database.write(partial(forget, before_ms=NOW_MS + 1)) == 1
