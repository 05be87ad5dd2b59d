"""One object that Stripe never returns stops no other one, is read again, and is given up."""

from typing import Any

import pytest

from app.domain.payments.status import PaymentStatus
from app.usecases.failed_reads import DOWN_AFTER, GIVE_UP_MS
from app.usecases.read_back import ENDED_MS
from app.usecases.read_orders import ReadOrders
from app.usecases.stripe_reads import (
    StripeKeyRefusedError,
    StripeMalformedError,
    StripeRateLimitedError,
    StripeReadError,
    StripeUnavailableError,
)
from tests.support.builders import (
    Document,
    FixedClock,
    event,
    session,
)
from tests.support.checked_shop import CheckedShop
from tests.support.recording import NOW_MS, payment_of, record
from tests.support.stripe_objects import dispute, invoice, refund
from tests.support.stripe_states import notice_of

MINUTE_MS = 60_000
BAD = StripeMalformedError("Stripe answered 400 to /v1/x (parameter_invalid)")
DOWN = StripeUnavailableError("Stripe answered 500 to /v1/x")
SICK, WELL, LAST = "cs_test_0", "cs_test_1", "cs_test_2"
EITHER = pytest.mark.parametrize("failure", [BAD, DOWN], ids=["400", "500"])


@pytest.fixture
def shop(database: Any, clock: FixedClock) -> CheckedShop:  # noqa: ANN401 as above
    return CheckedShop(database, clock)


@EITHER
async def test_a_sick_session_stops_no_other_one_and_no_other_part(
    shop: CheckedShop, failure: StripeReadError
) -> None:
    await shop.start(SICK, WELL)
    shop.stripe.objects = {WELL: session(id=WELL)}
    shop.stripe.items = {WELL: []}
    shop.stripe.sick = {SICK: failure}

    result = await shop.look()

    assert shop.asked() == [SICK, WELL, WELL]
    assert await shop.statuses() == {WELL: PaymentStatus.PAID}
    assert (result.findings.failed, result.failure, result.has_all_events) == (1, None, True)
    assert shop.told == [[f"checkout.session {SICK}: {failure}"]]


@EITHER
async def test_it_is_read_again_until_it_is_well(
    shop: CheckedShop, failure: StripeReadError
) -> None:
    await shop.start(SICK)
    shop.stripe.sick = {SICK: failure}
    await shop.look()
    shop.stripe.sick.clear()
    shop.stripe.objects, shop.stripe.items = {SICK: session(id=SICK)}, {SICK: []}
    shop.clock.ms += MINUTE_MS

    await shop.look()
    shop.clock.ms += GIVE_UP_MS
    await shop.look()

    assert shop.asked() == [SICK, SICK, SICK]  # the last of them are the line items
    assert await shop.statuses() == {SICK: PaymentStatus.PAID}


async def test_the_pause_grows_and_in_the_end_it_is_given_up(shop: CheckedShop) -> None:
    await shop.start(SICK)
    shop.stripe.sick = {SICK: BAD}
    began_ms, asked_after_min = shop.clock.ms, list[int]()
    while shop.clock.ms < began_ms + 2 * GIVE_UP_MS:
        await shop.look()
        if shop.asked():
            asked_after_min.append((shop.clock.ms - began_ms) // MINUTE_MS)
        shop.clock.ms += MINUTE_MS * (1 if len(asked_after_min) < 6 else 60)

    assert asked_after_min[:6] == [0, 1, 3, 7, 15, 31]
    assert 12 <= len(asked_after_min) <= 15
    assert GIVE_UP_MS <= asked_after_min[-1] * MINUTE_MS < 2 * GIVE_UP_MS
    assert shop.told[-1] == [f"checkout.session {SICK}: {BAD}; given up after 3 days"]
    assert len(shop.told) == len(asked_after_min)


@pytest.mark.parametrize(
    "subject",
    [refund(), dispute(), invoice(status="paid")],
    ids=["refund", "dispute", "invoice"],
)
async def test_so_is_what_a_notice_names(shop: CheckedShop, subject: Document) -> None:
    lost = event("refund.created", subject, id="evt_lost")
    other = event("refund.created", refund(id="re_9", livemode=False), id="evt_other")
    await record(shop.database, event(subject=session(payment_status="unpaid")))
    await record(shop.database, notice_of(lost), notice_of(other))
    object_id = str(subject["id"])
    shop.stripe.objects = {"re_9": other["data"]["object"], object_id: subject}
    shop.stripe.sick = {object_id: BAD}

    first = await shop.look()
    at_once = await shop.look()
    shop.clock.ms += 2 * MINUTE_MS
    shop.stripe.sick.clear()
    later = await shop.look()

    assert (first.findings.failed, first.findings.new) == (1, 1)
    assert (at_once.findings.failed, later.findings.failed) == (0, 0)
    assert later.findings.new >= 1


async def test_so_are_line_items_and_the_cart_stays_when_they_are_given_up(
    shop: CheckedShop,
) -> None:
    await shop.start(SICK, WELL)
    for session_id in (SICK, WELL):
        await record(shop.database, event(id=f"evt_{session_id}", subject=session(id=session_id)))
    shop.stripe.items = {WELL: []}
    shop.stripe.sick = {SICK: BAD}
    await shop.look()
    first = shop.asked()
    await shop.look()
    at_once = shop.asked()
    shop.clock.ms += GIVE_UP_MS

    given_up, after = await shop.look(), await shop.look()

    assert sorted(map(str, first)) == [SICK, WELL]
    assert at_once == []
    assert shop.asked() == [SICK]
    assert (given_up.findings.failed, after.findings.failed) == (1, 0)
    order = await ReadOrders(database=shop.database).one(SICK)
    assert order.document["line_items_source"] == "cart"


async def test_line_items_that_get_well_are_kept(shop: CheckedShop) -> None:
    await shop.start(SICK)
    await record(shop.database, event(subject=session(id=SICK)))
    shop.stripe.sick = {SICK: DOWN}
    await shop.look()
    shop.stripe.sick.clear()
    item = {"id": "li_1", "object": "item", "price": {"id": "price_A"}, "quantity": 2}
    shop.stripe.items = {SICK: [item]}
    shop.clock.ms += MINUTE_MS

    await shop.look()

    details = (await payment_of(shop.database, SICK)).facts.details
    assert details is not None
    assert [each.price for each in details.bought or ()] == ["price_A"]


async def test_an_operator_need_not_wait(shop: CheckedShop) -> None:
    await shop.start(SICK)
    shop.stripe.sick = {SICK: BAD}
    await shop.look()
    shop.stripe.sick.clear()
    shop.stripe.objects = {SICK: session(id=SICK)}

    await shop.look()
    patient = await shop.statuses()
    await shop.look(only_undelivered=False)

    assert patient == {}
    assert await shop.statuses() == {SICK: PaymentStatus.PAID}


async def test_without_answers_in_a_row_stripe_is_down_and_nothing_is_passed(
    shop: CheckedShop,
) -> None:
    sick = [f"cs_test_{number}" for number in range(DOWN_AFTER + 1)]
    await shop.start(*sick)
    shop.stripe.read_failure = DOWN

    down = await shop.look()
    asked = shop.asked()
    shop.stripe.read_failure = None
    shop.stripe.objects = {id_: session(id=id_) for id_ in sick}
    await shop.look()

    assert asked == sick[:DOWN_AFTER]
    assert down.failure is DOWN
    assert await shop.statuses() == dict.fromkeys(sick, PaymentStatus.PAID)


async def test_any_number_of_refused_ones_in_a_row_is_about_them_alone(shop: CheckedShop) -> None:
    sick = [f"cs_test_{number}" for number in range(DOWN_AFTER + 1)]
    await shop.start(*sick)
    shop.stripe.sick = dict.fromkeys(sick, BAD)

    result = await shop.look()

    assert shop.asked() == sick
    assert (result.failure, result.findings.failed) == (None, len(sick))


async def test_a_type_that_the_key_may_not_read_stops_no_other_one(shop: CheckedShop) -> None:
    words = "the key lacks the permission rak_dispute_read"
    subjects = [dispute(), dispute(id="dp_2"), refund()]
    await record(shop.database, event(subject=session(payment_status="unpaid")))
    for number, subject in enumerate(subjects):
        notice = notice_of(event("x.y", subject, id=f"evt_{number}"))
        await record(shop.database, notice, clock=FixedClock(NOW_MS + number))
    shop.clock.ms += 3
    shop.stripe.objects = {str(each["id"]): each for each in subjects}
    shop.stripe.sick = {id_: StripeKeyRefusedError(words) for id_ in ("dp_1", "dp_2")}

    refused = await shop.look()
    asked = shop.asked()
    shop.stripe.sick.clear()
    allowed = await shop.look()

    assert asked == ["dp_1", "re_1"]
    assert (refused.refused, refused.findings.new, refused.findings.failed) == (words, 1, 1)
    assert (allowed.failure, allowed.findings.new) == (None, 2)


@pytest.mark.parametrize(
    ("answer", "failed"),
    [({"cs_test_2": session(id="cs_test_2", status="open")}, 4), ({}, 5)],
    ids=["an object", "404"],
)
async def test_an_answer_between_them_shows_that_it_is_up(
    shop: CheckedShop, answer: dict[str, Document], failed: int
) -> None:
    await shop.start("cs_test_0", "cs_test_1", "cs_test_2", "cs_test_3", "cs_test_4")
    shop.stripe.sick = {f"cs_test_{number}": DOWN for number in (0, 1, 3, 4)}
    shop.stripe.objects = dict(answer)

    result = await shop.look()

    assert len(shop.asked()) == 5
    assert (result.failure, result.findings.failed) == (None, failed)


async def test_too_many_calls_end_the_check_and_pass_nothing(shop: CheckedShop) -> None:
    await shop.start(SICK, WELL)
    shop.stripe.sick = {SICK: StripeRateLimitedError("Stripe answered 429", retry_after_s=7)}

    result = await shop.look()

    assert shop.asked() == [SICK]
    assert result.failure is not None
    assert result.state.open_until_ms is None


async def test_types_that_stripe_does_not_list_stop_no_other_ones(shop: CheckedShop) -> None:
    await shop.start(SICK)
    shop.stripe.objects = {SICK: session(id=SICK, status="expired", payment_status="unpaid")}
    shop.stripe.sick = {"checkout.session.completed": BAD}
    shop.stripe.events_held = [
        event(
            "customer.subscription.created", {"id": "sub_1", "object": "subscription"}, id="evt_7"
        )
    ]

    result = await shop.look()

    assert (result.failure, result.has_all_events) == (BAD, False)
    assert (result.findings.new, result.findings.failed) == (2, 1)
    assert await shop.statuses() == {SICK: PaymentStatus.EXPIRED}


async def test_a_sick_session_is_still_read_at_its_end(shop: CheckedShop) -> None:
    await shop.start(SICK)
    shop.stripe.sick = {SICK: BAD}
    await shop.look()
    shop.asked()
    shop.clock.ms = NOW_MS + ENDED_MS

    await shop.look()

    assert shop.asked() == [SICK, SICK]  # because it failed, and because it has ended
