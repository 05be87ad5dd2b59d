"""A checkout that has several sessions, since an interrupted request made a second one."""

from dataclasses import replace

import pytest

from app.databases import AnyDatabase
from app.domain.errors import NotFoundError
from app.domain.payments.disputes import Dispute, DisputeState
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.refunds import Refund, RefundState
from app.domain.payments.status import PaymentStatus
from app.usecases.read_orders import ReadOrders
from app.usecases.read_payment import ReadPayment, strongest
from tests.support.builders import CHECKOUT_ID, SESSION_ID
from tests.support.payments_read import (
    CHECKOUT,
    EXPIRED,
    FAILED,
    OPEN,
    OTHER_CHECKOUT_ID,
    PAID,
    PROCESSING,
    SPARE_ID,
    payment,
)
from tests.support.recording import keep

REFUNDED = replace(PAID, refunds={"re_1": Refund(state=RefundState.SUCCEEDED, amount_minor=1999)})
PARTIALLY_REFUNDED = replace(
    PAID, refunds={"re_1": Refund(state=RefundState.SUCCEEDED, amount_minor=500)}
)
DISPUTED = replace(PAID, disputes={"dp_1": Dispute(state=DisputeState.OPEN, amount_minor=1999)})


@pytest.fixture
def read_payment(database: AnyDatabase) -> ReadPayment:
    return ReadPayment(database=database)


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        (DISPUTED, PAID),
        (PAID, PARTIALLY_REFUNDED),
        (PARTIALLY_REFUNDED, REFUNDED),
        (REFUNDED, PROCESSING),
        (PROCESSING, FAILED),
        (FAILED, EXPIRED),
        (EXPIRED, OPEN),
        (PAID, EXPIRED),
        (PAID, REFUNDED),
    ],
)
@pytest.mark.parametrize("ids", [(SESSION_ID, SPARE_ID), (SPARE_ID, SESSION_ID)])
async def test_of_several_sessions_the_furthest_counts(
    database: AnyDatabase,
    read_payment: ReadPayment,
    stronger: PaymentFacts,
    weaker: PaymentFacts,
    ids: tuple[str, str],
) -> None:
    await keep(
        database,
        replace(CHECKOUT, session_id=None),
        payment(stronger, ids[0]),
        payment(weaker, ids[1]),
    )

    view = await read_payment(CHECKOUT_ID)
    order = (await ReadOrders(database=database).one(CHECKOUT_ID)).document

    assert (view.session_id, view.status) == (ids[0], stronger.status)
    assert (order["session_id"], order["status"]) == (ids[0], stronger.status)


def test_of_two_paid_sessions_the_same_one_counts_in_any_order() -> None:
    one, other = payment(PAID, SESSION_ID), payment(PAID, SPARE_ID)

    assert strongest([one, other]) == strongest([other, one]) == one


async def test_a_retrys_spare_session_does_not_make_the_checkout_expired(
    database: AnyDatabase, read_payment: ReadPayment
) -> None:
    await keep(database, CHECKOUT, payment(PAID), payment(EXPIRED, SPARE_ID))

    assert (await read_payment(CHECKOUT_ID)).status is PaymentStatus.PAID


async def test_a_retrys_spare_session_does_not_make_an_open_checkout_expired(
    database: AnyDatabase, read_payment: ReadPayment
) -> None:
    await keep(database, CHECKOUT, payment(EXPIRED, SPARE_ID))

    assert (await read_payment(CHECKOUT_ID)).status is PaymentStatus.OPEN


async def test_a_retrys_spare_session_stands_for_itself_alone(
    database: AnyDatabase, read_payment: ReadPayment
) -> None:
    await keep(database, CHECKOUT, payment(PAID), payment(EXPIRED, SPARE_ID))

    view = await read_payment(SPARE_ID)

    assert (view.checkout_id, view.session_id) == (None, SPARE_ID)
    assert view.status is PaymentStatus.EXPIRED


async def test_a_session_that_claims_a_checkout_which_is_not_ours_stands_alone(
    database: AnyDatabase, read_payment: ReadPayment
) -> None:
    await keep(database, CHECKOUT, payment(replace(PAID, checkout_id=OTHER_CHECKOUT_ID), SPARE_ID))

    assert (await read_payment(SPARE_ID)).checkout_id is None
    with pytest.raises(NotFoundError):
        await read_payment(OTHER_CHECKOUT_ID)
