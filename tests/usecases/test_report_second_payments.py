"""Two payments of one order are reported once, and to both orders."""

import asyncio

import pytest

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from app.usecases.outbox import NotificationQuery
from tests.support.builders import (
    CHECKOUT_ID,
    event,
    session,
)
from tests.support.flag_shop import ELSEWHERE, TWIN_ID, Shop, numbered
from tests.support.recording import keep, record
from tests.support.stripe_objects import charge

pytestmark = pytest.mark.anyio


@pytest.fixture
def shop(database: SqliteDatabase | PostgresDatabase) -> Shop:
    return Shop(database)


@pytest.mark.parametrize("is_joined_by_url", [False, True])
async def test_both_orders_that_are_paid_twice_are_told(
    shop: Shop, *, is_joined_by_url: bool
) -> None:
    twin = numbered(TWIN_ID, None if is_joined_by_url else "cs_test_twin")
    await keep(shop.database, numbered(), twin)
    url = f"{ELSEWHERE}?checkout_id={TWIN_ID}" if is_joined_by_url else ELSEWHERE
    subject = session(id="cs_test_twin", payment_intent="pi_2", success_url=url)

    await shop.hear(event())
    first = list(shop.told)
    await shop.hear(event(subject=subject, id="evt_2"))

    assert first == []
    assert sorted(told.split(" ")[0] for told in shop.told) == [CHECKOUT_ID, TWIN_ID]
    assert all("paid_twice" in told and "refund one of the two" in told for told in shop.told)


async def test_the_shop_is_notified_once_of_what_more_than_one_payment_shows(shop: Shop) -> None:
    await keep(shop.database, numbered(), numbered(TWIN_ID, "cs_test_twin"))
    twin = session(id="cs_test_twin", payment_intent="pi_2", success_url=ELSEWHERE)
    odd = event("charge.updated", charge(amount_refunded="unheard of"), id="evt_odd")

    await shop.hear(event(), event(subject=twin, id="evt_2"), odd)
    await shop.tell.sweep("")
    await shop.tell.sweep("")

    kept = await shop.database.list_notifications(NotificationQuery(limit=100))
    flagged = [(each.order_id, each.cause) for each in kept if each.type == "order.flagged"]
    assert sorted(flagged) == sorted(
        [
            (CHECKOUT_ID, f"paid_twice {TWIN_ID}"),
            (TWIN_ID, f"paid_twice {CHECKOUT_ID}"),
            (CHECKOUT_ID, "event_failed evt_odd"),
        ]
    )


async def test_two_payments_at_the_same_moment_on_two_replicas_are_reported(
    shop: Shop, database: SqliteDatabase | PostgresDatabase
) -> None:
    """Both look after both have committed, or one after the other: one of them sees both."""
    other = Shop(database)
    await keep(database, numbered(), numbered(TWIN_ID, "cs_test_twin"))
    subject = session(id="cs_test_twin", payment_intent="pi_2", success_url=ELSEWHERE)

    await asyncio.gather(shop.hear(event()), other.hear(event(subject=subject, id="evt_2")))

    told = [message.split(" ")[0] for message in shop.told + other.told]
    assert sorted(told) == [CHECKOUT_ID, TWIN_ID]


@pytest.mark.parametrize("how", ["own session", "URL", "recovery"])
async def test_two_payments_that_a_process_did_not_report_are_found_by_another(
    shop: Shop, how: str
) -> None:
    await keep(
        shop.database, numbered(), numbered(TWIN_ID, None if how == "URL" else "cs_test_twin")
    )
    url = f"{ELSEWHERE}?checkout_id={TWIN_ID}" if how == "URL" else ELSEWHERE
    twin = session(id="cs_test_twin", payment_intent="pi_2", success_url=url)
    if how == "recovery":
        unpaid = {"payment_status": "unpaid", "payment_intent": None}
        await record(shop.database, event("checkout.session.expired", twin | unpaid, id="evt_x"))
        twin |= {"id": "cs_test_again", "recovered_from": "cs_test_twin"}
    await record(shop.database, event(), event(subject=twin, id="evt_2"))

    await shop.tell.sweep("")
    await shop.tell.sweep("")

    assert sorted(told.split(" ")[0] for told in shop.told) == [CHECKOUT_ID, TWIN_ID]


async def test_a_recovered_session_may_be_the_second_payment(shop: Shop) -> None:
    await keep(shop.database, numbered(), numbered(TWIN_ID, "cs_test_twin"))
    unpaid = {"payment_status": "unpaid", "payment_intent": None, "success_url": ELSEWHERE}
    expired = session(id="cs_test_twin", **unpaid)
    again = session(
        id="cs_test_again",
        payment_intent="pi_2",
        success_url=ELSEWHERE,
        recovered_from="cs_test_twin",
    )

    await shop.hear(event(), event("checkout.session.expired", expired, id="evt_2"))
    assert shop.told == []
    await shop.hear(event(subject=again, id="evt_3"))

    assert len(shop.told) == 2
