"""The owner is told of each new flag: once, with what to do, whatever process comes first."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from app.domain.checkout.cart import Cart, LineItem, Mode
from app.domain.errors import StorageUnavailableError
from app.domain.money import Money
from app.domain.payments.flags import Flag
from app.usecases.flag_memory import ToldCause
from app.usecases.orders import FlagCause
from app.usecases.outbox import NotificationQuery
from app.usecases.ports import AlertName
from app.usecases.records import Checkout
from app.usecases.remind_disputes import RemindDisputes
from app.usecases.tell_flags import TOLD_SINGLY_MAX, TellFlags
from tests.support.builders import (
    CHECKOUT_ID,
    NOW_S,
    SESSION_ID,
    Document,
    FixedClock,
    SilentAlarm,
    event,
    session,
    until,
)
from tests.support.recording import NOW_MS, checkout, keep, record
from tests.support.stripe_objects import charge, dispute, fraud_warning, payment_intent, review

pytestmark = pytest.mark.anyio

DAY_S = 86_400
TWIN_ID = "chk_" + "1" * 36
ELSEWHERE = "https://shop.example/"
DUE = {"due_by": NOW_S + 10 * DAY_S}
DISPUTED = event("charge.dispute.created", dispute(evidence_details=DUE), id="evt_d1")


@dataclass
class Shop:
    """A process of the service; another one shares the database."""

    database: SqliteDatabase | PostgresDatabase
    clock: FixedClock = field(default_factory=FixedClock)
    alarm: SilentAlarm = field(default_factory=SilentAlarm)
    notes: SilentAlarm = field(default_factory=SilentAlarm)

    def __post_init__(self) -> None:
        self.tell = TellFlags(
            memory=self.database, clock=self.clock, alarm=self.alarm, note=self.notes
        )
        self.remind = RemindDisputes(memory=self.database, clock=self.clock, alarm=self.alarm)

    async def hear(self, *documents: Document) -> None:
        """Stripe's events, one after the other, and what the owner is told then."""
        for document in documents:
            await record(self.database, document, on_change=self.tell.changed)
        await self.tell()

    @property
    def told(self) -> list[str]:
        assert set(self.alarm.names) <= {AlertName.ORDER_FLAGGED}
        return [message for _, message in self.alarm.told]


@pytest.fixture
def shop(database: SqliteDatabase | PostgresDatabase) -> Shop:
    return Shop(database)


def numbered(id_: str = CHECKOUT_ID, session_id: str | None = SESSION_ID, **more: Any) -> Checkout:  # noqa: ANN401
    values: Document = {
        "id": id_,
        "created_at_ms": NOW_MS,
        "cart": Cart((LineItem("price_A", 2),), Mode.PAYMENT),
        "client_reference_id": "order-42",
        "success_url": ELSEWHERE,
        "cancel_url": ELSEWHERE,
        "url": "https://checkout.stripe.com/pay/x",
        "session_id": session_id,
    }
    return Checkout(**(values | more))


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
    await keep(shop.database, checkout(expected=Money(amount_minor=1, currency="eur")))
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
    await keep(shop.database, checkout(expected=Money(amount_minor=1, currency="eur")))

    await record(shop.database, event(subject=session(amount_subtotal=1999)), alarm=alarm)

    ((name, message),) = alarm.told
    assert name is AlertName.PRICE_MISMATCH
    assert message.startswith(f"{SESSION_ID} differs from the catalogue: most often an upsell")
    assert message.endswith("somebody may be cheating")


async def test_a_subscription_whose_first_period_is_free_is_no_other_price(
    shop: Shop, alarm: SilentAlarm
) -> None:
    await keep(shop.database, checkout(expected=Money(amount_minor=1900, currency="eur")))
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
    monkeypatch.setattr("app.usecases.tell_flags.PAGE", 2)

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
    for n in range(TOLD_SINGLY_MAX + 1):
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


# --- two payments of one order


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


# --- reminders


async def test_a_dispute_is_told_again_when_half_of_its_time_has_passed(
    shop: Shop, database: SqliteDatabase | PostgresDatabase
) -> None:
    await shop.hear(event(), DISPUTED)
    restarted = Shop(database, clock=shop.clock)

    shop.clock.ms += 5 * DAY_S * 1000 - 1
    await restarted.remind()
    early = list(restarted.told)
    shop.clock.ms += 1
    await asyncio.gather(restarted.remind(), shop.remind())
    await restarted.remind()

    assert early == []
    assert [*restarted.told, *shop.told[1:]] == [
        (
            f"{SESSION_ID} is still disputed (dp_1), and half of the time is over: answer it in "
            "Stripe's dashboard by 2025-10-19, or accept it; do not ship it"
        )
    ]


@pytest.mark.parametrize("status", ["under_review", "won", "lost"])
async def test_of_a_dispute_that_is_answered_or_over_nobody_is_reminded(
    shop: Shop, status: str
) -> None:
    await shop.hear(event(), DISPUTED)
    later = dispute(status=status, evidence_details=DUE)
    await shop.hear(event("charge.dispute.updated", later, id="evt_d2"))

    shop.clock.ms += 6 * DAY_S * 1000
    await shop.remind()

    assert len(shop.told) == 1


async def test_a_deadline_that_was_moved_moves_the_reminder(shop: Shop) -> None:
    await shop.hear(event(), DISPUTED)
    later = dispute(evidence_details={"due_by": NOW_S + 20 * DAY_S})
    await shop.hear(event("charge.dispute.updated", later, id="evt_d2"))

    shop.clock.ms += 6 * DAY_S * 1000
    await shop.remind()
    early = shop.told[1:]
    shop.clock.ms += 5 * DAY_S * 1000
    await shop.remind()

    assert early == []
    assert "by 2025-10-29" in shop.told[1]


async def test_a_deadline_that_has_passed_is_not_reminded_of(shop: Shop) -> None:
    late = dispute(evidence_details={"due_by": NOW_S - 1})
    await shop.hear(event(), event("charge.dispute.created", late, id="evt_d1"))

    shop.clock.ms += DAY_S * 1000
    await shop.remind()

    assert len(shop.told) == 1


async def test_of_an_order_that_is_gone_nobody_is_reminded(shop: Shop) -> None:
    cause = FlagCause(order_id="cs_test_gone", flag=Flag.DISPUTED, cause="dp_1")
    gone = ToldCause(cause=cause, told_at_ms=NOW_MS, remind_at_ms=NOW_MS)
    assert await shop.database.tell_flags([gone]) == [cause]

    await shop.remind()

    assert shop.told == []
    assert await shop.database.due_reminders(now_ms=NOW_MS, limit=5) == []


# --- the jobs


@pytest.mark.parametrize("page", [1, 200])
async def test_the_job_reports_what_is_left_and_what_is_new(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr("app.usecases.tell_flags.PAGE", page)
    await record(shop.database, event(), DISPUTED)
    job = asyncio.create_task(shop.tell.run())
    try:
        await until(lambda: len(shop.told) == 1)
        second = event("charge.dispute.created", dispute(id="dp_2"), id="evt_d2")
        await record(shop.database, second, on_change=shop.tell.changed)
        await until(lambda: len(shop.told) == 2)
    finally:
        job.cancel()


async def test_the_job_reminds(shop: Shop) -> None:
    await shop.hear(event(), DISPUTED)
    shop.clock.ms += 6 * DAY_S * 1000
    job = asyncio.create_task(shop.remind.run())
    try:
        await until(lambda: len(shop.told) == 2)
    finally:
        job.cancel()


async def test_an_unreadable_change_is_reported_later(shop: Shop) -> None:
    class Broken:
        async def read_orders(self, _: object) -> object:
            raise StorageUnavailableError("no disk")

    await record(shop.database, event(), DISPUTED, on_change=shop.tell.changed)
    shop.tell.memory = Broken()  # type: ignore[assignment]

    with pytest.raises(StorageUnavailableError):
        await shop.tell()
    shop.tell.memory = shop.database
    await shop.tell()

    assert len(shop.told) == 1
