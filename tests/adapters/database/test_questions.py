"""What both databases find by links, sessions, checkouts and versions."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from app.databases import AnyDatabase
from app.domain.fold.asking import Wanted
from app.domain.fold.records import Link, Payment
from app.domain.money import ExpectedSubtotal
from app.domain.payments.claims import SoldCheckout
from app.domain.payments.facts import PaymentFacts
from app.usecases.records import PaymentVersion
from app.usecases.storage import Transaction
from tests.support.builders import CHECKOUT_ID, SESSION_ID, query
from tests.support.committed import committed
from tests.support.recording import look
from tests.support.stores import (
    CHECKOUT,
    OTHER_SESSION_ID,
    PAYMENT,
    put,
)


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_links_are_kept_once_and_found_by_their_objects(database: AnyDatabase) -> None:
    links = [Link("pi_1", SESSION_ID), Link("pi_1", SESSION_ID), Link("ch_1", SESSION_ID)]
    await committed(database, lambda t: put(t, PAYMENT), lambda t: put(t, *links))

    found = await look(database, around=["pi_1", "pi_2"])

    assert list(found.links) == [Link("pi_1", SESSION_ID)]
    assert found.payments == {SESSION_ID: PAYMENT}


async def test_checkouts_are_found_by_session_by_link_by_payment_and_by_their_ids(
    database: AnyDatabase,
) -> None:
    price = ExpectedSubtotal(amount_minor=500, currency="eur", in_trial_minor=20)
    own = replace(CHECKOUT, expected=price)
    named, claimed, other = (
        replace(CHECKOUT, id=f"{CHECKOUT_ID[:-1]}{letter}", session_id=None, key_digest="d" * 64)
        for letter in "vwx"
    )
    payment = replace(PAYMENT, facts=PaymentFacts(checkout_id=claimed.id))
    await committed(database, lambda t: put(t, own, named, claimed, other, payment))
    await committed(database, lambda t: put(t, Link("pi_1", SESSION_ID)))

    by_link = await look(database, around=["pi_1"], checkout_ids=[named.id])
    by_session = await look(database, around=[SESSION_ID])
    by_id = await look(database, checkout_ids=[other.id])

    assert {sold.id: sold for sold in by_link.checkouts} == {
        own.id: SoldCheckout(id=own.id, session_id=SESSION_ID, key_digest=None, expected=price),
        claimed.id: SoldCheckout(
            id=claimed.id, session_id=None, key_digest="d" * 64, expected=None
        ),
        named.id: SoldCheckout(id=named.id, session_id=None, key_digest="d" * 64, expected=None),
    }
    assert {sold.id for sold in by_session.checkouts} == {own.id, claimed.id}
    assert {sold.id for sold in by_id.checkouts} == {other.id}


async def test_recoveries_are_found_from_their_first_session_on_and_back(
    database: AnyDatabase,
) -> None:
    def recovery(session_id: str, recovered_from: str | None) -> Payment:
        facts = PaymentFacts(recovered_from=recovered_from)
        return replace(PAYMENT, session_id=session_id, facts=facts)

    chain = [recovery("cs_2", SESSION_ID), recovery("cs_3", "cs_2"), recovery("cs_9", "cs_8")]
    ring = [recovery("cs_x", "cs_y"), recovery("cs_y", "cs_x")]
    await committed(
        database,
        lambda t: t.add_checkout(CHECKOUT),
        lambda t: put(t, PAYMENT, *chain, *ring),
    )

    async def kin(session_id: str) -> set[str]:
        return {each.session_id for each in await database.find_recoveries(session_id)}

    assert await kin(SESSION_ID) == {SESSION_ID, "cs_2", "cs_3"}
    assert await kin("cs_2") == {"cs_2", "cs_3"}
    assert await kin("cs_8") == {"cs_9"}
    assert await kin("cs_x") == {"cs_x", "cs_y"}
    assert await database.find_checkout_recovered("cs_3") == CHECKOUT
    for stranger in (SESSION_ID, "cs_9", "cs_x", "cs_nobody"):
        assert await database.find_checkout_recovered(stranger) is None


async def test_versions_are_found_by_session_and_by_checkout(database: AnyDatabase) -> None:
    other = replace(PAYMENT, session_id=OTHER_SESSION_ID, facts=PaymentFacts(), version=7)
    await committed(database, lambda t: put(t, PAYMENT, other))

    def found(versions: Sequence[PaymentVersion]) -> list[tuple[str, int]]:
        return sorted((each.session_id, each.version) for each in versions)

    assert found(await database.versions([OTHER_SESSION_ID], [CHECKOUT_ID])) == [
        (SESSION_ID, 1),
        (OTHER_SESSION_ID, 7),
    ]
    assert found(await database.versions([], [])) == []


async def test_a_read_sees_one_moment_despite_concurrent_commits(
    database: AnyDatabase, database_path: Path
) -> None:
    await committed(database, lambda t: put(t, PAYMENT))

    async def look_twice(transaction: Transaction) -> tuple[object, object]:
        wanted = Wanted(around=[SESSION_ID])
        before = await transaction.look_around(wanted)
        query(database_path, "UPDATE payments SET version = 9")
        return before.payments, (await transaction.look_around(wanted)).payments

    before, after = await database.read(look_twice)

    assert before == after == {SESSION_ID: PAYMENT}
