from dataclasses import replace

import pytest

from app.databases import AnyDatabase
from app.domain.checkout.cart import Mode
from app.domain.errors import NotFoundError
from app.domain.payments.refunds import Refund, RefundState
from app.domain.payments.status import PaymentStatus
from app.domain.payments.subscriptions import Subscription, SubscriptionStatus
from app.usecases.read_payment import ReadPayment
from app.usecases.records import PaymentView, SubscriptionView
from tests.support.builders import CHECKOUT_ID, NOW_S, SESSION_ID
from tests.support.payments_read import CHECKOUT, EXPIRED, NOW_MS, OPEN, PAID, SPARE_ID, payment
from tests.support.recording import keep


@pytest.fixture
def read_payment(database: AnyDatabase) -> ReadPayment:
    return ReadPayment(database=database)


async def test_a_checkout_without_events_is_open(
    database: AnyDatabase, read_payment: ReadPayment
) -> None:
    await keep(database, CHECKOUT)

    assert await read_payment(CHECKOUT_ID) == PaymentView(
        checkout_id=CHECKOUT_ID,
        session_id=SESSION_ID,
        mode=Mode.SUBSCRIPTION,
        status=PaymentStatus.OPEN,
        amount_total_minor=None,
        currency=None,
        amount_refunded_minor=0,
        paid_at_s=None,
        updated_at_ms=NOW_MS,
        subscription=None,
        version=0,
        session_ids=frozenset({SESSION_ID}),
        is_final=False,
    )


@pytest.mark.parametrize("public_id", [CHECKOUT_ID, SESSION_ID])
async def test_a_paid_checkout_is_shown_by_either_id(
    database: AnyDatabase, read_payment: ReadPayment, public_id: str
) -> None:
    await keep(database, CHECKOUT, payment(PAID))

    assert await read_payment(public_id) == PaymentView(
        checkout_id=CHECKOUT_ID,
        session_id=SESSION_ID,
        mode=Mode.PAYMENT,
        status=PaymentStatus.PAID,
        amount_total_minor=1999,
        currency="eur",
        amount_refunded_minor=0,
        paid_at_s=NOW_S + 60,
        updated_at_ms=NOW_MS + 9,
        subscription=None,
        version=1,
        session_ids=frozenset({SESSION_ID}),
        is_final=False,
    )


async def test_an_event_that_came_before_the_checkout_was_kept_does_not_turn_time_back(
    database: AnyDatabase, read_payment: ReadPayment
) -> None:
    await keep(database, CHECKOUT, payment(PAID, updated_at_ms=NOW_MS - 5))

    assert (await read_payment(CHECKOUT_ID)).updated_at_ms == NOW_MS


async def test_a_session_that_this_service_did_not_start_is_shown_without_a_checkout(
    database: AnyDatabase, read_payment: ReadPayment
) -> None:
    await keep(database, payment(replace(PAID, checkout_id=None)))

    view = await read_payment(SESSION_ID)

    assert (view.checkout_id, view.session_id) == (None, SESSION_ID)
    assert view.status is PaymentStatus.PAID
    assert view.updated_at_ms == NOW_MS + 9


@pytest.mark.parametrize("public_id", [CHECKOUT_ID, SESSION_ID])
async def test_where_the_page_did_not_tell_its_session_the_success_url_joins_them(
    database: AnyDatabase, read_payment: ReadPayment, public_id: str
) -> None:
    await keep(database, replace(CHECKOUT, session_id=None), payment(PAID))

    view = await read_payment(public_id)

    assert (view.checkout_id, view.session_id) == (CHECKOUT_ID, SESSION_ID)
    assert view.status is PaymentStatus.PAID


async def test_a_checkout_whose_session_is_unknown_is_open(
    database: AnyDatabase, read_payment: ReadPayment
) -> None:
    await keep(database, replace(CHECKOUT, session_id=None))

    view = await read_payment(CHECKOUT_ID)

    assert (view.session_id, view.status) == (None, PaymentStatus.OPEN)


async def test_a_refunded_payment_shows_how_much_has_gone_back(
    database: AnyDatabase, read_payment: ReadPayment
) -> None:
    refund = Refund(state=RefundState.SUCCEEDED, amount_minor=500, charge_id="ch_1")
    await keep(database, payment(replace(PAID, refunds={"re_1": refund})))

    view = await read_payment(SESSION_ID)

    assert (view.status, view.amount_refunded_minor) == (PaymentStatus.PARTIALLY_REFUNDED, 500)


# --- subscriptions


async def test_a_subscription_of_which_nothing_else_is_known_shows_its_id(
    database: AnyDatabase, read_payment: ReadPayment
) -> None:
    await keep(database, payment(replace(PAID, subscription_id="sub_1")))

    view = await read_payment(SESSION_ID)

    assert view.subscription == SubscriptionView(
        id="sub_1",
        status=None,
        current_period_end_s=None,
        cancel_at_s=None,
        cancel_at_period_end=None,
    )


async def test_a_subscription_is_shown_as_its_own_events_tell_it(
    database: AnyDatabase, read_payment: ReadPayment
) -> None:
    state = Subscription(
        status=SubscriptionStatus.PAST_DUE,
        at_s=NOW_S,
        current_period_end_s=NOW_S + 1,
        cancel_at_s=None,
        cancel_at_period_end=True,
    )
    other = replace(state, status=SubscriptionStatus.ACTIVE)
    facts = replace(PAID, subscription_id="sub_1", subscriptions={"sub_0": other, "sub_1": state})
    await keep(database, payment(facts))

    view = await read_payment(SESSION_ID)

    assert view.subscription == SubscriptionView(
        id="sub_1",
        status=SubscriptionStatus.PAST_DUE,
        current_period_end_s=NOW_S + 1,
        cancel_at_s=None,
        cancel_at_period_end=True,
    )


# --- versions


async def test_a_view_has_its_payments_version(
    database: AnyDatabase, read_payment: ReadPayment
) -> None:
    await keep(database, CHECKOUT)
    before = await read_payment(CHECKOUT_ID)
    await keep(database, replace(payment(PAID), version=7))

    assert (before.version, (await read_payment(CHECKOUT_ID)).version) == (0, 7)
    assert (await read_payment(SESSION_ID)).version == 7


async def test_each_change_of_any_of_a_checkouts_sessions_raises_the_version(
    database: AnyDatabase, read_payment: ReadPayment
) -> None:
    await keep(database, replace(CHECKOUT, session_id=None))
    versions = [(await read_payment(CHECKOUT_ID)).version]
    for changed in (
        payment(OPEN, SPARE_ID),
        payment(PAID),
        replace(payment(EXPIRED, SPARE_ID), version=2),
    ):
        await keep(database, changed)
        versions.append((await read_payment(CHECKOUT_ID)).version)

    assert versions == [0, 1, 2, 3]


# --- what nobody knows


@pytest.mark.parametrize(
    "public_id",
    [
        CHECKOUT_ID,
        SESSION_ID,
        "",
        "chk_",
        "cs_",
        "pi_1",
        CHECKOUT_ID.upper(),
        CHECKOUT_ID + "0",
        CHECKOUT_ID + "\n",
        SESSION_ID + "\n",
        "cs_" + "a" * 251,
        "cs_é",
        "cs_%",
        "' OR 1=1 --",
        "\x00",
    ],
)
async def test_what_nobody_knows_is_not_found(read_payment: ReadPayment, public_id: str) -> None:
    with pytest.raises(NotFoundError):
        await read_payment(public_id)
