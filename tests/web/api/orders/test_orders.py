"""GET /orders/{id} over the whole service, on both databases: each field, and what moves it."""

import pytest

from app.domain.checkout.cart import CreatedBy
from app.usecases.storage import Database
from tests.support.builders import (
    CHECKOUT_ID,
    NOW_S,
    SESSION_ID,
    event,
    session,
)
from tests.support.orders import OrderShop, bearer
from tests.support.recording import keep
from tests.support.stripe_objects import (
    charge,
    dispute,
    invoice,
    refund,
    subscription,
)
from tests.support.whole_order import ADDRESS, FIELDS, WHOLE_SESSION, our_checkout

pytestmark = pytest.mark.anyio


async def test_a_paid_order_shows_each_field(shop: OrderShop, database: Database) -> None:
    await keep(database, our_checkout())

    await shop.tell(event(subject=WHOLE_SESSION, created=NOW_S + 30))

    order = await shop.order(CHECKOUT_ID)
    assert order.pop("updated_at") > "2026"
    assert order.pop("version") > 0
    assert order == {
        "id": CHECKOUT_ID,
        "checkout_id": CHECKOUT_ID,
        "session_id": SESSION_ID,
        "client_reference_id": "order-42",
        "created_by": "server",
        "mode": "payment",
        "livemode": False,
        "status": "paid",
        "currency": "eur",
        "amount_subtotal": 2000,
        "amount_discount": 301,
        "amount_tax": 200,
        "amount_shipping": 100,
        "amount_total": 1999,
        "amount_refunded": 0,
        "presentment": {"amount": 2150, "currency": "usd"},
        "line_items": [
            {"price": "price_A", "quantity": 2},
            {"price": "price_B", "quantity": 1},
        ],
        "line_items_source": "cart",
        "customer": {
            "email": "ana@example.com",
            "name": "Ana Lima",
            "phone": "+49301234",
            "address": ADDRESS,
        },
        "shipping": {"name": "Ana L.", "address": ADDRESS},
        "custom_fields": FIELDS,
        "metadata": {"cart": "c-7"},
        "payment_intent": "pi_1",
        "subscription": None,
        "refunds": [],
        "disputes": [],
        "flags": [],
        "created_at": "2025-10-09T08:53:20.000Z",
        "paid_at": "2025-10-09T08:53:50.000Z",
    }


async def test_a_checkout_of_which_nothing_was_told_yet_is_an_open_order(
    shop: OrderShop, database: Database
) -> None:
    await keep(database, our_checkout(session_id=None, created_by=CreatedBy.BROWSER))

    order = await shop.order(CHECKOUT_ID)

    assert (order["status"], order["created_by"], order["livemode"]) == ("open", "browser", None)
    assert (order["customer"], order["shipping"], order["presentment"]) == (None, None, None)
    assert (order["custom_fields"], order["metadata"]) == ([], {})
    assert (order["amount_total"], order["paid_at"], order["payment_intent"]) == (None, None, None)
    assert order["updated_at"] == order["created_at"] == "2025-10-09T08:53:20.000Z"


@pytest.mark.parametrize("public_id", [CHECKOUT_ID, SESSION_ID])
async def test_an_order_is_found_by_its_checkout_and_by_its_session(
    shop: OrderShop, database: Database, public_id: str
) -> None:
    await keep(database, our_checkout())
    await shop.tell(event())

    assert (await shop.order(public_id))["id"] == CHECKOUT_ID


async def test_a_session_that_nobody_started_here_is_an_order_of_its_own(shop: OrderShop) -> None:
    subject = session(success_url="https://other.example/", created=NOW_S - 5, livemode=True)
    await shop.tell(event(subject=subject | {"client_reference_id": "their-7"}))

    order = await shop.order(SESSION_ID)

    assert (order["id"], order["checkout_id"], order["created_by"]) == (SESSION_ID, None, None)
    assert (order["line_items"], order["line_items_source"]) == ([], None)
    assert (order["client_reference_id"], order["livemode"]) == ("their-7", True)
    assert order["created_at"] == "2025-10-09T08:53:15.000Z"


async def test_a_session_that_saves_a_card_is_no_order(shop: OrderShop) -> None:
    await shop.tell(event(subject=session(mode="setup", payment_status="no_payment_required")))

    assert (await shop.get()).status_code == 404
    assert await shop.ids() == []


@pytest.mark.parametrize("public_id", ["cs_test_none", CHECKOUT_ID, "pi_1", "x" * 300, "%00"])
async def test_an_order_that_does_not_exist_is_not_found(shop: OrderShop, public_id: str) -> None:
    answer = await shop.get(f"/orders/{public_id}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.json()["detail"].startswith("There is no order with that id.")
    is_id = public_id in {"cs_test_none", CHECKOUT_ID}
    assert ("GET /orders?client_reference_id=" in answer.json()["detail"]) is not is_id
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ["wait", "expand[]"])
async def test_one_order_takes_no_parameter_and_says_so(shop: OrderShop, name: str) -> None:
    """So that nobody takes ?wait=25 for honored, and asks without a pause."""
    await shop.tell(event())

    answer = await shop.get(f"/orders/{SESSION_ID}?{name}=25")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_query")
    assert [each["parameter"] for each in answer.json()["errors"]] == [name]


async def test_shipping_is_read_from_where_it_stood_before_2025_too(shop: OrderShop) -> None:
    old = {"name": "Ana", "address": ADDRESS}
    await shop.tell(event(subject=session(shipping_details=old)))

    assert (await shop.order())["shipping"] == old


async def test_half_an_emoji_in_a_name_does_not_break_the_order(shop: OrderShop) -> None:
    await shop.tell(event(subject=session(customer_details={"name": "Ana \ud83d"})))

    assert (await shop.order())["customer"]["name"] == "Ana \ufffd"


async def test_refunds_are_shown_one_by_one_with_stripes_status_in_any_order(
    shop: OrderShop,
) -> None:
    await shop.tell(
        event("charge.refunded", charge(amount_refunded=500), id="evt_c"),
        event("refund.updated", refund(status="succeeded"), id="evt_r2"),
        event("refund.created", refund(status="requires_action"), id="evt_r1"),
        event("refund.updated", refund(id="re_2", amount=7, status="canceled"), id="evt_r3"),
        event(id="evt_paid"),
    )

    order = await shop.order()
    assert order["refunds"] == [
        {"id": "re_1", "amount": 500, "status": "succeeded"},
        {"id": "re_2", "amount": 7, "status": "canceled"},
    ]
    assert (order["status"], order["amount_refunded"]) == ("partially_refunded", 500)


async def test_a_dispute_is_shown_with_its_reason_and_the_end_of_its_time(shop: OrderShop) -> None:
    due = {"due_by": NOW_S + 86_400}
    opened = dispute(reason="fraudulent", evidence_details=due)
    await shop.tell(
        event(id="evt_paid"),
        event("charge.dispute.updated", opened | {"status": "under_review"}, id="evt_d2"),
        event("charge.dispute.created", opened, id="evt_d1"),
    )

    order = await shop.order()
    assert order["disputes"] == [
        {
            "id": "dp_1",
            "amount": 1999,
            "status": "under_review",
            "reason": "fraudulent",
            "evidence_due_by": "2025-10-10T08:53:20.000Z",
        }
    ]
    assert (order["status"], order["flags"]) == ("disputed", ["disputed"])

    await shop.tell(event("charge.dispute.closed", opened | {"status": "won"}, id="evt_d3"))
    order = await shop.order()
    assert (order["disputes"][0]["status"], order["flags"]) == ("won", [])


async def test_a_subscription_is_shown_with_the_renewals_that_were_paid(shop: OrderShop) -> None:
    subject = session(
        mode="subscription", payment_intent=None, subscription="sub_1", invoice="in_1"
    )
    renewal = invoice(id="in_2", billing_reason="subscription_cycle", payments={"data": []})
    await shop.tell(
        event(subject=subject),
        event("customer.subscription.created", subscription(), id="evt_s"),
        event("invoice.paid", invoice(), id="evt_i1"),
    )
    assert (await shop.order())["subscription"]["renewals_paid"] == 0
    await shop.tell(event("invoice.paid", renewal, id="evt_i2"))

    order = await shop.order()
    assert order["mode"] == "subscription"
    assert order["subscription"] == {
        "id": "sub_1",
        "status": "active",
        "current_period_end": "2025-11-08T08:53:20.000Z",
        "cancel_at": None,
        "cancel_at_period_end": False,
        "renewals_paid": 1,
    }

    ending = subscription(cancel_at=NOW_S + 86_400, cancel_at_period_end=True)
    await shop.tell(event("customer.subscription.updated", ending, id="evt_u", created=NOW_S + 1))
    shown = (await shop.order())["subscription"]
    assert (shown["cancel_at"], shown["cancel_at_period_end"]) == ("2025-10-10T08:53:20.000Z", True)


async def test_what_is_personal_is_gone_with_the_events_bodies_and_the_version_rises(
    shop: OrderShop, database: Database
) -> None:
    await keep(database, our_checkout())
    await shop.tell(event(subject=WHOLE_SESSION))
    before = await shop.order()

    shop.sql("UPDATE events SET payload = NULL")

    after = await shop.order()
    assert (after["customer"], after["shipping"]) == (None, None)
    assert (after["custom_fields"], after["metadata"]) == ([], {})
    assert after["amount_total"] == before["amount_total"]
    assert after["version"] > before["version"]


async def test_nothing_personal_is_copied_out_of_the_events_bodies(shop: OrderShop) -> None:
    await shop.tell(event(subject=WHOLE_SESSION))

    shop.sql("UPDATE events SET payload = NULL")

    rows = shop.sql("SELECT * FROM payments") + shop.sql("SELECT * FROM events")
    assert [
        word for word in ("ana@", "Lima", "Berlin", "4930", "engraving") if word in str(rows)
    ] == []


async def test_the_etag_is_made_of_the_version(shop: OrderShop) -> None:
    await shop.tell(event())
    first = await shop.get()

    same = await shop.get(**{"If-None-Match": first.headers["ETag"]})
    await shop.tell(event("charge.refunded", charge(amount_refunded=5), id="evt_r"))
    changed = await shop.get(**{"If-None-Match": first.headers["ETag"]})

    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["Cache-Control"] == "no-store"
    assert changed.status_code == 200
    assert changed.json()["version"] > first.json()["version"]
    assert str(changed.json()["version"]) in changed.headers["ETag"]


async def test_an_operators_token_may_ask_as_well(shop: OrderShop) -> None:
    from tests.support.orders import ADMIN_TOKEN  # noqa: PLC0415

    await shop.tell(event())

    answer = await shop.service.client.get("/orders", headers=bearer(ADMIN_TOKEN))

    assert answer.status_code == 200
