"""Flags that operators have seen, and how flags begin and end; over the whole service."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from app.domain.checkout.cart import Cart, LineItem, Mode
from app.domain.money import ExpectedSubtotal
from app.usecases.records import Checkout
from app.usecases.replay_events import ReplayEvents
from app.usecases.storage import Database
from tests.support.builders import (
    CHECKOUT_ID,
    SESSION_ID,
    Document,
    FixedClock,
    SilentAlarm,
    event,
    service_in_process,
    session,
    settings,
    to_body,
    until,
)
from tests.support.orders import ADMIN_TOKEN, TOKEN, OrderShop, bearer
from tests.support.readings import EXPIRED
from tests.support.recording import NOW_MS, keep
from tests.support.stripe_objects import (
    charge,
    dispute,
    fraud_warning,
    invoice,
    listing,
    payment_intent,
)

pytestmark = pytest.mark.anyio

TWIN_ID = "chk_" + "1" * 36
DISPUTED = event("charge.dispute.created", dispute(), id="evt_d1")


async def see(
    shop: OrderShop, flag: str = "disputed", public_id: str = SESSION_ID, token: str = ADMIN_TOKEN
) -> httpx.Response:
    path = f"/orders/{public_id}/flags/{flag}/seen"
    return await shop.service.client.post(path, headers=bearer(token))


async def test_a_flag_that_was_seen_stays_but_is_listed_no_more(shop: OrderShop) -> None:
    await shop.tell(event(), DISPUTED)
    before = await shop.ids(flagged="true"), await shop.ids(flagged="false")

    answers = [await see(shop), await see(shop)]

    assert before == ([SESSION_ID], [])
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json() == await shop.order()
    assert answers[0].json()["flags"] == ["disputed"]
    assert answers[0].headers["Cache-Control"] == "no-store"
    assert answers[0].headers["ETag"] == (await shop.get()).headers["ETag"]
    assert (await shop.ids(flagged="true"), await shop.ids(flagged="false")) == ([], [SESSION_ID])


async def test_a_new_cause_of_a_seen_flag_is_unseen_and_the_end_of_one_is_not(
    shop: OrderShop,
) -> None:
    second = dispute(id="dp_2")
    await shop.tell(event(), DISPUTED)
    await see(shop)

    await shop.tell(event("charge.dispute.created", second, id="evt_d2"))
    with_second = await shop.ids(flagged="true")
    await see(shop)
    await shop.tell(event("charge.dispute.closed", dispute(status="won"), id="evt_d3"))

    assert with_second == [SESSION_ID]
    assert (await shop.order())["flags"] == ["disputed"]
    assert await shop.ids(flagged="true") == []


async def test_an_order_with_two_flags_is_listed_until_both_are_seen(shop: OrderShop) -> None:
    odd = event("charge.updated", charge(amount_refunded="unheard of"), id="evt_odd")
    await shop.tell(event(), DISPUTED, odd)

    await see(shop, "disputed")
    with_one = await shop.ids(flagged="true")
    await see(shop, "event_failed")

    assert (with_one, await shop.ids(flagged="true")) == ([SESSION_ID], [])


@pytest.mark.parametrize(
    ("public_id", "flag"),
    [
        ("cs_test_none", "disputed"),
        (SESSION_ID, "review"),
        (SESSION_ID, "colorful"),
        (SESSION_ID, "%00"),
        ("x" * 300, "disputed"),
    ],
)
async def test_what_is_not_there_cannot_be_seen(shop: OrderShop, public_id: str, flag: str) -> None:
    await shop.tell(event(), DISPUTED)

    answer = await see(shop, flag, public_id)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert shop.sql("SELECT * FROM flag_causes WHERE seen_at_ms IS NOT NULL") == []


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [(TOKEN, 403, "forbidden"), ("wrong", 401, "unauthorized")],
)
async def test_only_an_operators_token_may_see_a_flag(
    shop: OrderShop, token: str, status: int, code: str
) -> None:
    await shop.tell(event(), DISPUTED)

    answer = await see(shop, token=token)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Cache-Control"] == "no-store"
    assert await shop.ids(flagged="true") == [SESSION_ID]


async def test_without_tokens_there_is_nothing_to_see(tmp_path: Path) -> None:
    async with service_in_process(settings(tmp_path)) as service:
        answer = await service.client.post(
            f"/orders/{SESSION_ID}/flags/disputed/seen", headers=bearer(ADMIN_TOKEN)
        )

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_the_address_takes_nothing_but_post(shop: OrderShop) -> None:
    answer = await shop.get(f"/orders/{SESSION_ID}/flags/disputed/seen")

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


# --- how flags end


@pytest.mark.parametrize(
    "document",
    [
        event("radar.early_fraud_warning.updated", fraud_warning(actionable=False), id="evt_2"),
        event("charge.refunded", charge(amount_refunded=1999), id="evt_2"),
        event("charge.dispute.closed", dispute(status="won"), id="evt_2"),
    ],
)
async def test_a_fraud_warning_ends_with_what_it_asks_for(
    shop: OrderShop, document: Document
) -> None:
    intent = payment_intent(latest_charge="ch_1")
    warning = fraud_warning(actionable=True)
    await shop.tell(
        event(),
        event("payment_intent.succeeded", intent, id="evt_pi"),
        event("radar.early_fraud_warning.created", warning, id="evt_w"),
    )
    before = await shop.order()

    await shop.tell(document)

    after = await shop.order()
    assert (before["flags"], after["flags"]) == (["fraud_warning"], [])
    assert after["version"] > before["version"]


async def test_a_dispute_over_a_renewal_flags_the_order(shop: OrderShop) -> None:
    subject = session(
        mode="subscription", payment_intent=None, subscription="sub_1", invoice="in_1"
    )
    renewal = invoice(
        id="in_2",
        billing_reason="subscription_cycle",
        payments=listing({"payment": {"payment_intent": "pi_2"}}),
    )
    await shop.tell(
        event(subject=subject),
        event("invoice.paid", renewal, id="evt_i2"),
        event("charge.dispute.created", dispute(payment_intent="pi_2", charge=None), id="evt_d"),
    )

    assert (await shop.order())["flags"] == ["disputed"]
    assert shop.sql("SELECT count(*) AS n FROM renewals WHERE flagged") == [{"n": 1}]
    assert await shop.ids(flagged="true") == [SESSION_ID]


# --- orders that are paid twice


def numbered(id_: str, session_id: str) -> Checkout:
    return Checkout(
        id=id_,
        created_at_ms=NOW_MS,
        cart=Cart((LineItem("price_A", 2),), Mode.PAYMENT),
        client_reference_id="order-42",
        success_url="https://shop.example/",
        cancel_url="https://shop.example/",
        url="https://checkout.stripe.com/pay/x",
        session_id=session_id,
    )


async def test_a_twin_that_is_paid_by_a_recovered_session_is_a_second_payment(
    shop: OrderShop, database: Database
) -> None:
    await keep(database, numbered(CHECKOUT_ID, SESSION_ID), numbered(TWIN_ID, "cs_test_twin"))
    elsewhere = "https://shop.example/"
    expired = session(
        id="cs_test_twin", payment_status="unpaid", payment_intent=None, success_url=elsewhere
    )
    recovered = session(
        id="cs_test_again",
        payment_intent="pi_2",
        success_url=elsewhere,
        recovered_from="cs_test_twin",
    )
    await shop.tell(event(), event(EXPIRED, expired, id="evt_2"))
    before = await shop.order()

    await shop.tell(event(subject=recovered, id="evt_3"))

    after = await shop.order()
    assert (before["flags"], after["flags"]) == ([], ["paid_twice"])
    assert after["version"] > before["version"]
    assert (await shop.order(TWIN_ID))["flags"] == ["paid_twice"]
    await until(lambda: len(shop.sql("SELECT 1 FROM flag_causes")) == 2)
    assert set(await shop.ids(flagged="true")) == {CHECKOUT_ID, TWIN_ID}


# --- the version


async def test_the_version_rises_when_a_payment_turns_out_to_be_anothers(
    shop: OrderShop, database: Database
) -> None:
    nameless = replace(
        numbered(CHECKOUT_ID, SESSION_ID),
        session_id=None,
        expected=ExpectedSubtotal(amount_minor=2000, currency="eur"),
    )
    await keep(database, nameless, replace(nameless, id=TWIN_ID))
    url = f"https://shop.example/?checkout_id={CHECKOUT_ID}"
    await shop.tell(
        event(subject=session(success_url=url, amount_subtotal=None)),
        event("charge.updated", charge(), id="evt_c"),
    )
    before, before_of_twin = await shop.order(CHECKOUT_ID), await shop.order(TWIN_ID)

    another = session(success_url=url, amount_subtotal=1500)
    await shop.tell(event("checkout.session.async_payment_succeeded", another, id="evt_2"))

    after, of_twin = await shop.order(CHECKOUT_ID), await shop.order(TWIN_ID)
    assert (before["status"], after["status"]) == ("paid", "open")
    assert after["version"] > before["version"]
    assert of_twin["version"] > before_of_twin["version"]


async def test_the_version_rises_where_an_event_that_counted_counts_no_more(
    shop: OrderShop, database: SqliteDatabase | PostgresDatabase
) -> None:
    await shop.tell(event(), event("charge.updated", charge(), id="evt_c"))
    before = await shop.order()

    odd = event("charge.updated", charge(amount_refunded="unheard of"), id="evt_c")
    shop.sql("UPDATE events SET payload = ? WHERE id = 'evt_c'", to_body(odd))
    replay = ReplayEvents(
        database=database, clock=FixedClock(), alarm=SilentAlarm(), on_change=lambda _: None
    )
    await replay(["evt_c"])

    after = await shop.order()
    assert (before["flags"], after["flags"]) == ([], ["event_failed"])
    assert after["version"] > before["version"]
