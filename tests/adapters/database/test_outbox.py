"""The outbox on every database: who may send what, and what a try leaves behind."""

import asyncio

import pytest

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from app.domain.notifications.notices import PaidInvoice
from app.domain.notifications.types import NotificationType
from app.usecases.notification_tries import TryResult
from app.usecases.outbox import (
    NOTHING_POSTED,
    Backlog,
    Delivery,
    Notification,
    NotificationQuery,
    Posting,
)
from app.usecases.receiver_state import PauseReason, ReceiverState
from tests.support.builders import SESSION_ID
from tests.support.outbox import (
    LEASE_MS,
    NOW_MS,
    POSTED,
    PROBE_MS,
    ended,
    failed,
    lease,
    new_notification,
    notify,
)

AnyDatabase = SqliteDatabase | PostgresDatabase


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def outbox(database: AnyDatabase) -> AnyDatabase:
    database.posting = POSTED
    return database


async def found(outbox: AnyDatabase, notification_id: str) -> Notification:
    known = await outbox.find_notification(notification_id)
    assert known
    return known[0]


# --- what is kept


async def test_a_notification_is_kept_as_it_was_given(outbox: AnyDatabase) -> None:
    invoice = PaidInvoice(id="in_2", amount_paid_minor=900, currency="eur")
    new = new_notification(type=NotificationType.RENEWED, cause="in_2", invoice=invoice)

    await notify(outbox, new)

    kept = await found(outbox, new.id)
    assert (kept.session_id, kept.order_id, kept.type, kept.cause) == (
        SESSION_ID,
        "chk_1",
        NotificationType.RENEWED,
        "in_2",
    )
    assert (kept.invoice, kept.at_ms, kept.due_at_ms) == (invoice, NOW_MS, NOW_MS)
    assert (kept.delivery, kept.attempts, kept.leased_until_ms) == (Delivery.WAITING, 0, None)


async def test_the_same_id_is_kept_once(outbox: AnyDatabase) -> None:
    await notify(outbox, new_notification())
    (leased,) = await lease(outbox)
    await outbox.settle_tries([ended(leased)])

    await notify(outbox, new_notification(at_ms=NOW_MS + 1), new_notification(2))

    kept = await outbox.list_notifications(NotificationQuery())
    assert [(each.id[-1], each.delivery) for each in kept] == [
        ("2", Delivery.WAITING),
        ("1", Delivery.TAKEN),
    ]


@pytest.mark.parametrize(
    ("posting", "posted"),
    [
        (NOTHING_POSTED, []),
        (Posting(is_on=True), ["chk_1"]),
        (Posting(is_on=True, includes_foreign=True), ["chk_1", SESSION_ID]),
    ],
)
async def test_settings_decide_what_is_posted(
    database: AnyDatabase, posting: Posting, posted: list[str]
) -> None:
    database.posting = posting
    await notify(database, new_notification(), new_notification(2, order_id=SESSION_ID))

    assert [each.order_id for each in await lease(database)] == posted
    assert len(await database.list_notifications(NotificationQuery())) == 2


# --- who may send it


async def test_what_is_leased_is_nobody_elses_until_the_lease_ends(outbox: AnyDatabase) -> None:
    await notify(outbox, new_notification(), new_notification(2))

    first = await lease(outbox, limit=1)
    second = await lease(outbox)

    assert [each.id[-1] for each in (*first, *second)] == ["1", "2"]
    assert await lease(outbox, NOW_MS + LEASE_MS - 1) == []
    assert [each.id[-1] for each in await lease(outbox, NOW_MS + LEASE_MS)] == ["1", "2"]


async def test_replicas_that_lease_at_once_share_and_never_overlap(outbox: AnyDatabase) -> None:
    await notify(outbox, *(new_notification(number) for number in range(40)))

    shares = await asyncio.gather(*(lease(outbox) for _ in range(6)))

    ids = [each.id for share in shares for each in share]
    assert len(ids) == len(set(ids)) == 40


async def test_nothing_is_sent_before_it_is_due(outbox: AnyDatabase) -> None:
    await notify(outbox, new_notification(at_ms=NOW_MS + 1))

    assert await lease(outbox) == []
    assert await outbox.next_due_ms() == NOW_MS + 1


async def test_notifications_of_one_order_go_out_one_after_the_other(outbox: AnyDatabase) -> None:
    await notify(
        outbox,
        *(new_notification(number, order_id="chk_1") for number in (1, 2)),
        new_notification(3),
    )

    leased = await lease(outbox)
    assert [each.id[-1] for each in leased] == ["1", "3"]
    assert await lease(outbox) == []

    await outbox.settle_tries([ended(leased[0])])
    assert [each.id[-1] for each in await lease(outbox)] == ["2"]


async def test_one_that_fails_holds_its_order_back_until_its_third_try(outbox: AnyDatabase) -> None:
    await notify(outbox, *(new_notification(number, order_id="chk_1") for number in (1, 2)))
    at_ms = NOW_MS
    for _ in range(3):
        (head,) = await lease(outbox, at_ms)
        assert head.id[-1] == "1"
        await outbox.settle_tries([failed(head, at_ms, again_in_ms=1_000)])
        at_ms += 1_005

    assert [each.id[-1] for each in await lease(outbox, at_ms)] == ["1", "2"]


async def test_what_was_not_tried_is_given_back_and_not_counted(outbox: AnyDatabase) -> None:
    await notify(outbox, new_notification())

    await outbox.release_notifications(await lease(outbox))

    (again,) = await lease(outbox)
    assert again.attempts == 0
    assert await outbox.find_notification(again.id) == (again, [])


async def test_a_lost_lease_settles_nothing_but_its_try_is_kept(outbox: AnyDatabase) -> None:
    await notify(outbox, new_notification())
    (lost,) = await lease(outbox)
    (taken_over,) = await lease(outbox, NOW_MS + LEASE_MS)

    await outbox.settle_tries([ended(lost, TryResult.FAILED, status=400)])

    known = await outbox.find_notification(lost.id)
    assert known
    assert known[0] == taken_over
    assert [each.http_status for each in known[1]] == [400]


# --- what a try leaves behind


async def test_tries_are_counted_and_kept_with_the_status_alone(outbox: AnyDatabase) -> None:
    await notify(outbox, new_notification())
    (first,) = await lease(outbox)
    await outbox.settle_tries([failed(first, NOW_MS)])
    assert await outbox.next_due_ms() == NOW_MS + 5_005
    (second,) = await lease(outbox, NOW_MS + 5_005)

    await outbox.settle_tries([ended(second, at_ms=NOW_MS + 5_005)])

    known = await outbox.find_notification(first.id)
    assert known
    assert (known[0].delivery, known[0].attempts, known[0].due_at_ms) == (Delivery.TAKEN, 2, None)
    assert [(each.http_status, each.result) for each in known[1]] == [
        (503, TryResult.AGAIN),
        (200, TryResult.TAKEN),
    ]
    assert await outbox.next_due_ms() is None


async def test_one_that_failed_for_good_is_counted_and_can_be_sent_again(
    outbox: AnyDatabase,
) -> None:
    await notify(outbox, new_notification(), new_notification(2))
    leased = await lease(outbox)
    await outbox.settle_tries([ended(leased[0], TryResult.FAILED, status=None)])
    assert await outbox.backlog() == Backlog(waiting=1, oldest_at_ms=NOW_MS, failed=1)

    assert await outbox.resend_notification(leased[0].id, at_ms=NOW_MS + 1)

    (again,) = await lease(outbox, NOW_MS + 1)
    assert (again.id, again.attempts) == (leased[0].id, 0)
    assert not await outbox.resend_notification("msg_" + "x" * 26, at_ms=NOW_MS)
    assert await outbox.find_notification("msg_" + "x" * 26) is None


async def test_an_operator_lists_by_state_and_by_order(outbox: AnyDatabase) -> None:
    await notify(
        outbox, *(new_notification(number, order_id=f"chk_{number % 2}") for number in range(5))
    )
    (leased, *_) = await lease(outbox, limit=1)
    await outbox.settle_tries([ended(leased)])

    async def listed(**query: object) -> str:
        kept = await outbox.list_notifications(NotificationQuery(**query))  # type: ignore[arg-type]
        return "".join(each.id[-1] for each in kept)

    assert await listed() == "43210"
    assert await listed(limit=2) == "43"
    assert await listed(delivery=Delivery.TAKEN) == "0"
    assert await listed(delivery=Delivery.WAITING, limit=3) == "432"
    assert await listed(order_id="chk_0") == "420"
    assert await listed(order_id="chk_0", delivery=Delivery.WAITING) == "42"
    before = await found(outbox, new_notification(3).id)
    assert await listed(before_seq=before.position.seq) == "210"


# --- how the receiver is doing


async def test_a_pause_stops_sending_until_it_is_resumed(outbox: AnyDatabase) -> None:
    await notify(outbox, new_notification(), new_notification(2))
    (leased, _) = await lease(outbox)
    await outbox.settle_tries([failed(leased, NOW_MS, again_in_ms=1_000_000)])

    await outbox.pause_notifications(PauseReason.GONE, at_ms=NOW_MS + 5)
    await outbox.pause_notifications(PauseReason.OPERATOR, at_ms=NOW_MS + 6)

    receiver = await outbox.receiver()
    assert (receiver.pause_reason, receiver.paused_at_ms) == (PauseReason.GONE, NOW_MS + 5)
    assert receiver.is_paused
    assert await lease(outbox, NOW_MS + LEASE_MS) == []
    assert await outbox.next_due_ms() is None

    await outbox.resume_notifications(at_ms=NOW_MS + LEASE_MS)

    assert await outbox.receiver() == ReceiverState()
    assert [each.id[-1] for each in await lease(outbox, NOW_MS + LEASE_MS)] == ["1", "2"]


async def test_a_receiver_that_keeps_failing_is_probed_with_one_at_a_time(
    outbox: AnyDatabase,
) -> None:
    await notify(outbox, *(new_notification(number) for number in range(9)))
    leased = await lease(outbox, limit=5)
    await outbox.settle_tries([failed(each, NOW_MS, again_in_ms=300_000) for each in leased])
    receiver = await outbox.receiver()
    assert (receiver.failures, receiver.failing_since_ms) == (5, NOW_MS)
    assert receiver.last_http_status == 503

    first, second = await asyncio.gather(lease(outbox), lease(outbox))
    (probe,) = [*first, *second]
    assert await outbox.next_due_ms() == NOW_MS + PROBE_MS
    await outbox.settle_tries([failed(probe, NOW_MS)])
    assert await lease(outbox, NOW_MS + PROBE_MS - 1) == []
    (probe,) = await lease(outbox, NOW_MS + PROBE_MS)

    await outbox.settle_tries([ended(probe, at_ms=NOW_MS + PROBE_MS)])

    receiver = await outbox.receiver()
    assert receiver == ReceiverState(last_http_status=200, last_taken_at_ms=NOW_MS + PROBE_MS + 5)
    assert len(await lease(outbox, NOW_MS + PROBE_MS + 5)) == 8  # all that failed meanwhile, too


async def test_settling_nothing_costs_nothing(outbox: AnyDatabase) -> None:
    await outbox.settle_tries([])
    await outbox.release_notifications([])

    assert await outbox.receiver() == ReceiverState()
