"""What was bought is read once for each paid session, shown, and compared with the cart."""

from dataclasses import replace

import pytest

from app.databases import AnyDatabase
from app.domain.fold.rebuild import Verdict
from app.domain.money import ExpectedSubtotal
from app.domain.payments.flags import Flag
from app.usecases.flag_texts import flag_text
from app.usecases.order_document import Order
from app.usecases.read_line_items import FAR_BACK_MS
from app.usecases.read_orders import ReadOrders
from app.usecases.rebuild_payments import RebuildPayments
from app.usecases.reconcile import Check, Reconciled
from app.usecases.records import Checkout
from tests.support.builders import (
    NOW_S,
    SESSION_ID,
    Document,
    FixedClock,
    event,
    session,
)
from tests.support.checks_at_stripe import reconcile_of
from tests.support.recording import keep, payment_of, record
from tests.support.stores import CHECKOUT
from tests.support.stripe_account import StripeAccount

SOLD = replace(CHECKOUT, expected=ExpectedSubtotal(amount_minor=1000, currency="eur"))
PAID = event(subject=session(mode="payment", amount_subtotal=1999))


def line(price: object, quantity: object) -> Document:
    price = price if isinstance(price, dict) else {"id": price}
    return {"id": f"li_{price['id']}", "object": "item", "price": price, "quantity": quantity}


AS_THE_CART = [line("price_A", 2), line("price_B", 1)]
UPSOLD = [line("price_A", 2), line("price_C", 1)]


@pytest.fixture
def stripe() -> StripeAccount:
    return StripeAccount()


async def look(
    database: AnyDatabase, stripe: StripeAccount, clock: FixedClock, *, everything: bool = False
) -> Reconciled:
    reconcile = reconcile_of(database, stripe, clock)
    return await reconcile(Check(since_s=NOW_S, only_undelivered=not everything))


async def order_of(database: AnyDatabase) -> Order:
    return await ReadOrders(database=database).one(SESSION_ID)


async def test_they_are_read_once_and_shown(
    database: AnyDatabase,
    stripe: StripeAccount,
    clock: FixedClock,
) -> None:
    await keep(database, CHECKOUT)
    await record(database, PAID)
    stripe.items[SESSION_ID] = [line("price_B", 1), line("price_A", 2)]
    before = (await order_of(database)).document

    results = [await look(database, stripe, clock) for _ in range(2)]

    after = (await order_of(database)).document
    assert before["line_items_source"] == "cart"
    assert [each.findings.seen for each in results] == [1, 0]
    assert after["line_items_source"] == "stripe"
    assert after["line_items"] == [
        {"price": "price_B", "quantity": 1},
        {"price": "price_A", "quantity": 2},
    ]
    assert after["flags"] == []
    assert after["version"] > before["version"]


async def test_which_items_recur_tells_a_trial_from_another_price(
    database: AnyDatabase,
    stripe: StripeAccount,
    clock: FixedClock,
) -> None:
    """Although the catalog did not know that price_B is a one-time fee."""
    await keep(database, SOLD)
    await record(database, event(subject=session(mode="subscription", amount_subtotal=200)))
    stripe.items[SESSION_ID] = [
        line({"id": "price_A", "type": "recurring", "unit_amount": 400}, 2),
        line({"id": "price_B", "type": "one_time", "unit_amount": 200}, 1),
    ]
    before = (await order_of(database)).document["flags"]

    await look(database, stripe, clock)

    assert before == ["price_mismatch"]
    assert (await order_of(database)).document["flags"] == []


@pytest.mark.parametrize("knows_its_session", [True, False])
async def test_a_recovered_session_is_compared_with_the_cart_of_its_checkout(
    database: AnyDatabase, stripe: StripeAccount, clock: FixedClock, *, knows_its_session: bool
) -> None:
    sold = SOLD if knows_its_session else replace(SOLD, session_id=None)
    await keep(database, sold)
    recovered = session(
        id="cs_test_r2", recovered_from=SESSION_ID, amount_subtotal=1999, payment_intent="pi_2"
    )
    expired = session(payment_status="unpaid", payment_intent=None)
    await record(database, event("checkout.session.expired", expired, id="evt_expired"))
    await record(database, event(subject=recovered))
    stripe.items["cs_test_r2"] = UPSOLD

    await look(database, stripe, clock)

    order = await order_of(database)
    assert order.document["session_id"] == "cs_test_r2"
    assert order.document["flags"] == ["items_differ"]
    assert order.id == CHECKOUT.id


async def test_an_upsell_is_flagged_as_such_and_not_as_a_wrong_price(
    database: AnyDatabase,
    stripe: StripeAccount,
    clock: FixedClock,
) -> None:
    await keep(database, SOLD)
    await record(database, PAID)
    stripe.items[SESSION_ID] = UPSOLD
    before = (await order_of(database)).document["flags"]

    await look(database, stripe, clock)

    order = await order_of(database)
    assert before == ["price_mismatch"]
    assert order.document["flags"] == ["items_differ"]
    assert not (await payment_of(database)).price_mismatch
    text = flag_text(order, Flag.ITEMS_DIFFER, [SESSION_ID])
    assert text.endswith("price_B: 0 instead of 1, price_C: 1 instead of 0")


async def test_the_carts_items_at_another_price_stay_a_mismatch(
    database: AnyDatabase,
    stripe: StripeAccount,
    clock: FixedClock,
) -> None:
    await keep(database, SOLD)
    await record(database, PAID)
    stripe.items[SESSION_ID] = AS_THE_CART

    await look(database, stripe, clock)

    assert (await order_of(database)).document["flags"] == ["price_mismatch"]


async def test_a_session_that_only_its_success_url_joins_is_compared_too(
    database: AnyDatabase,
    stripe: StripeAccount,
    clock: FixedClock,
) -> None:
    await keep(database, replace(CHECKOUT, session_id=None))
    await record(database, PAID)
    stripe.items[SESSION_ID] = UPSOLD

    await look(database, stripe, clock)

    assert (await order_of(database)).document["flags"] == ["items_differ"]


@pytest.mark.parametrize("checkouts", [[], [replace(CHECKOUT, session_id="cs_test_other")]])
async def test_without_a_cart_of_its_own_nothing_differs(
    database: AnyDatabase,
    stripe: StripeAccount,
    clock: FixedClock,
    checkouts: list[Checkout],
) -> None:
    await keep(database, *checkouts)
    await record(database, PAID)
    stripe.items[SESSION_ID] = UPSOLD

    await look(database, stripe, clock)

    document = (await order_of(database)).document
    assert (document["flags"], document["line_items_source"]) == ([], "stripe")


async def test_a_session_without_a_claim_is_shown_too(
    database: AnyDatabase,
    stripe: StripeAccount,
    clock: FixedClock,
) -> None:
    await record(database, event(subject=session(success_url="https://shop.example/")))
    stripe.items[SESSION_ID] = UPSOLD

    await look(database, stripe, clock)

    assert (await order_of(database)).document["line_items_source"] == "stripe"


async def test_items_of_an_unknown_form_are_left_out_and_read_once(
    database: AnyDatabase,
    stripe: StripeAccount,
    clock: FixedClock,
) -> None:
    await keep(database, CHECKOUT)
    await record(database, PAID)
    stripe.items[SESSION_ID] = [line(None, 1), line("price_A", "two")]

    results = [await look(database, stripe, clock) for _ in range(2)]

    assert [each.findings.seen for each in results] == [1, 0]
    document = (await order_of(database)).document
    assert (document["flags"], document["line_items_source"]) == ([], "cart")


async def test_unpaid_and_old_sessions_are_not_asked_for(
    database: AnyDatabase,
    stripe: StripeAccount,
    clock: FixedClock,
) -> None:
    await record(database, event(subject=session(payment_status="unpaid")))
    await record(database, event(id="evt_2", subject=session(id="cs_test_old")))
    clock.ms += FAR_BACK_MS

    result = await look(database, stripe, clock)

    assert result.findings.seen == 0


async def test_a_session_that_the_account_has_not_is_counted_once(
    database: AnyDatabase,
    stripe: StripeAccount,
    clock: FixedClock,
) -> None:
    await keep(database, CHECKOUT)
    await record(database, PAID)

    first, second = [await look(database, stripe, clock) for _ in range(2)]

    assert first.findings.counts == {"seen": 1, "new": 1, "changed": 1, "failed": 1}
    assert second.findings.counts == {"seen": 0, "new": 0, "changed": 0, "failed": 0}
    document = (await order_of(database)).document
    assert (document["line_items_source"], document["flags"]) == ("cart", [])


async def test_what_the_account_had_not_is_asked_for_again_on_request(
    database: AnyDatabase,
    stripe: StripeAccount,
    clock: FixedClock,
) -> None:
    await keep(database, CHECKOUT)
    await record(database, PAID)
    await look(database, stripe, clock)
    still_missing = await look(database, stripe, clock, everything=True)
    stripe.items[SESSION_ID] = UPSOLD

    found = await look(database, stripe, clock, everything=True)
    after = await look(database, stripe, clock, everything=True)

    assert still_missing.findings.counts == {"seen": 1, "new": 0, "changed": 0, "failed": 1}
    assert found.findings.counts == {"seen": 1, "new": 1, "changed": 1, "failed": 0}
    assert after.findings.seen == 0
    document = (await order_of(database)).document
    assert (document["line_items_source"], document["flags"]) == ("stripe", ["items_differ"])


async def test_what_was_bought_survives_a_rebuild(
    database: AnyDatabase,
    stripe: StripeAccount,
    clock: FixedClock,
) -> None:
    await keep(database, CHECKOUT)
    await record(database, PAID)
    stripe.items[SESSION_ID] = UPSOLD
    await look(database, stripe, clock)

    rebuild = RebuildPayments(database=database, clock=clock)
    verdicts = [rebuilt.verdict async for rebuilt in rebuild(repair=False)]

    assert verdicts == [Verdict.SAME]
