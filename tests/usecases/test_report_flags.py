"""The owner is told of each new flag: once, with what to do, whatever process comes first."""

import asyncio

import pytest

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from app.domain.money import ExpectedSubtotal
from app.usecases.ports import AlertName
from app.usecases.report_flags import REPORTED_SINGLY_MAX
from tests.support.builders import (
    CHECKOUT_ID,
    SESSION_ID,
    Document,
    SilentAlarm,
    event,
    session,
)
from tests.support.flag_shop import DISPUTED, ELSEWHERE, Shop, numbered
from tests.support.recording import checkout, keep, record
from tests.support.stripe_objects import charge, dispute, fraud_warning, payment_intent, review

pytestmark = pytest.mark.anyio


@pytest.fixture
def shop(database: SqliteDatabase | PostgresDatabase) -> Shop:
    return Shop(database)


async def test_a_dispute_is_told_once_with_its_order_and_until_when_to_answer(shop: Shop) -> None:
    await keep(shop.database, numbered())

    await shop.hear(event(), DISPUTED)
    await shop.hear(DISPUTED | {"id": "evt_d2", "type": "charge.dispute.updated"})
    await shop.tell.sweep("")

    assert shop.told == [
        (
            f"{CHECKOUT_ID} (order-42) is flagged disputed (dp_1): answer it in Stripe's dashboard "
            "by 2025-10-19, or accept it; do not ship it"
        )
    ]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (
            event("radar.early_fraud_warning.created", fraud_warning(), id="evt_w"),
            "fraud_warning (issfr_1): refund it",
        ),
        (event("review.opened", review(), id="evt_v"), "review (prv_1): approve or refund"),
        (
            event("charge.dispute.created", dispute(status="under_review"), id="evt_d"),
            "disputed (dp_1): look at it",
        ),
        (
            event("charge.dispute.created", dispute(status="warning_needs_response"), id="evt_d"),
            "disputed (dp_1/inquiry): look at it",
        ),
    ],
)
async def test_each_flag_says_what_to_do(shop: Shop, document: Document, words: str) -> None:
    intent = event("payment_intent.succeeded", payment_intent(latest_charge="ch_1"), id="evt_pi")

    await shop.hear(event(), intent, document)

    (told,) = shop.told
    assert told.startswith(f"{SESSION_ID} is flagged {words}")


async def test_of_a_session_of_others_no_order_number_is_told(shop: Shop) -> None:
    subject = session(client_reference_id="ana@example.com", success_url=ELSEWHERE)

    await shop.hear(event(subject=subject), DISPUTED)

    assert "ana" not in shop.told[0]


async def test_what_has_an_alert_of_its_own_is_counted_but_not_sent_twice(shop: Shop) -> None:
    await keep(shop.database, checkout(expected=ExpectedSubtotal(amount_minor=1, currency="eur")))
    odd = event("charge.updated", charge(amount_refunded="unheard of"), id="evt_odd")
    expired = event("checkout.session.expired", session(payment_status="unpaid"), id="evt_x")

    await shop.hear(event(subject=session(amount_subtotal=1999)), expired, odd)

    assert shop.told == []
    flags = [message.split(" is flagged ")[1].split(" ")[0] for _, message in shop.notes.told]
    assert sorted(flags) == ["contradicted", "event_failed", "price_mismatch"]
    assert set(shop.notes.names) == {AlertName.ORDER_FLAGGED}


async def test_the_alert_of_another_price_says_the_likely_reasons_first(
    shop: Shop, alarm: SilentAlarm
) -> None:
    await keep(shop.database, checkout(expected=ExpectedSubtotal(amount_minor=1, currency="eur")))

    await record(shop.database, event(subject=session(amount_subtotal=1999)), alarm=alarm)

    ((name, message),) = alarm.told
    assert name is AlertName.PRICE_MISMATCH
    assert message.startswith(f"{SESSION_ID} differs from the catalog: most often an upsell")
    assert message.endswith("somebody may be cheating")


async def test_a_subscription_whose_first_period_is_free_is_no_other_price(
    shop: Shop, alarm: SilentAlarm
) -> None:
    await keep(
        shop.database, checkout(expected=ExpectedSubtotal(amount_minor=1900, currency="eur"))
    )
    trial = session(
        mode="subscription",
        payment_status="no_payment_required",
        payment_intent=None,
        subscription="sub_1",
        invoice="in_1",
        amount_subtotal=0,
        amount_total=0,
    )

    await record(shop.database, event(subject=trial), alarm=alarm, on_change=shop.tell.changed)
    await shop.tell()

    assert (alarm.told, shop.told, shop.notes.told) == ([], [], [])


async def test_a_second_cause_of_a_flag_is_told_and_the_end_of_one_is_not(shop: Shop) -> None:
    second = dispute(id="dp_2")
    await shop.hear(event(), DISPUTED)
    await shop.hear(event("charge.dispute.created", second, id="evt_d2"))
    await shop.hear(event("charge.dispute.closed", dispute(status="won"), id="evt_d3"))

    assert ["(dp_1)" in told for told in shop.told] == [True, False]
    assert "(dp_2)" in shop.told[1]


async def test_an_inquiry_that_becomes_a_dispute_is_told_again(shop: Shop) -> None:
    inquiry = dispute(status="warning_needs_response")
    await shop.hear(event(), event("charge.dispute.created", inquiry, id="evt_d1"))
    await shop.hear(event("charge.dispute.updated", dispute(), id="evt_d2"))

    assert ["dp_1/inquiry" in told for told in shop.told] == [True, False]


async def test_what_a_process_could_not_tell_before_it_ended_another_one_tells(
    shop: Shop, database: SqliteDatabase | PostgresDatabase
) -> None:
    await record(database, event(), DISPUTED)
    other = Shop(database)

    await other.tell.sweep("")
    await shop.tell.sweep("")

    assert (len(other.told), shop.told) == (1, [])


async def test_all_that_is_flagged_is_gone_through_page_by_page(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        subject = session(id=f"cs_test_{n}", payment_intent=f"pi_{n}", success_url=ELSEWHERE)
        opened = dispute(id=f"dp_{n}", charge=f"ch_{n}", payment_intent=f"pi_{n}")
        await record(
            shop.database,
            event(subject=subject, id=f"evt_{n}"),
            event("charge.dispute.created", opened, id=f"evt_d{n}"),
        )
    monkeypatch.setattr("app.usecases.report_flags.PAGE", 2)

    after = await shop.tell.sweep("")
    assert (after, len(shop.told)) == ("cs_test_1", 2)
    assert await shop.tell.sweep(after) == ""
    assert len(shop.told) == 3


async def test_two_processes_at_the_same_moment_tell_once(
    shop: Shop, database: SqliteDatabase | PostgresDatabase
) -> None:
    await record(database, event(), DISPUTED)
    other = Shop(database)

    await asyncio.gather(other.tell.sweep(""), shop.tell.sweep(""))

    assert len(other.told + shop.told) == 1


async def test_many_at_once_are_one_message(shop: Shop) -> None:
    documents: list[Document] = []
    for n in range(REPORTED_SINGLY_MAX + 1):
        subject = session(id=f"cs_test_{n}", payment_intent=f"pi_{n}", success_url=ELSEWHERE)
        opened = dispute(id=f"dp_{n}", charge=f"ch_{n}", payment_intent=f"pi_{n}")
        documents.append(event(subject=subject, id=f"evt_{n}"))
        documents.append(event("charge.dispute.created", opened, id=f"evt_d{n}"))

    await shop.hear(*documents)

    assert shop.told == [
        (
            "6 orders are flagged (cs_test_0, cs_test_1, cs_test_2 and 3 more): "
            "run altan-checkout orders list --flagged"
        )
    ]
    assert len(shop.notes.told) == 6
