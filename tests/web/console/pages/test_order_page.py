"""One order's page: its facts, flags and timeline."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.builders import SESSION_ID, Service, event, session, until
from tests.support.console import ConsoleShop, console_shop, text_of
from tests.support.orders import ADMIN_TOKEN, bearer
from tests.support.stripe_objects import charge, dispute, refund
from tests.support.wire import Upstream, answer, upstream

pytestmark = pytest.mark.anyio

PATH = f"/console/orders/{SESSION_ID}"
SECRETS = {"notify_secrets": ["whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"], "notify_foreign": True}
DISPUTED = event("charge.dispute.created", dispute(), id="evt_2")


async def test_what_is_known_of_an_order_is_shown(database_path: Path) -> None:
    subject = session(
        client_reference_id="order-42",
        amount_subtotal=2499,
        total_details={"amount_discount": 1000, "amount_shipping": 500, "amount_tax": 0},
        customer_details={
            "email": "ann@example.com",
            "name": "Ann Lee",
            "phone": "+49 30 1",
            "address": {"line1": "Road 1", "city": "Berlin", "country": "DE", "state": None},
        },
        shipping_details={"name": "Bob Lee", "address": {"line1": "Lane 2"}},
        custom_fields=[
            {
                "key": "engraving",
                "label": {"type": "custom", "custom": "Engraving"},
                "type": "text",
                "text": {"value": "For Bob"},
            },
            {"key": "odd"},
            "odd",
        ],
        metadata={"campaign": "autumn"},
    )
    async with console_shop(database_path) as console:
        await console.shop.tell(
            event(subject=subject), event("refund.created", refund(), id="evt_2"), DISPUTED_LATER
        )
        html = await console.operator.see(PATH)

    shown = text_of(html)
    assert "Order order-42" in shown
    assert "Subtotal €24.99 Discount €10.00 Shipping €5.00 Tax €0.00 Total €19.99" in shown
    assert "Name Ann Lee E-mail ann@example.com Phone +49 30 1 Address Road 1, Berlin, DE" in shown
    assert "Ship to Bob Lee Shipping address Lane 2" in shown
    assert "Engraving For Bob" in shown
    assert "Metadata: campaign autumn" in shown
    assert "Refund of €5.00: succeeded re_1" in shown
    assert "Dispute of €19.99: needs response" in shown
    assert 'href="https://dashboard.stripe.com/test/payments/pi_1"' in html


DISPUTED_LATER = event("charge.dispute.created", dispute(), id="evt_3")


async def test_the_timeline_has_each_event_and_the_status_after_it(database_path: Path) -> None:
    async with console_shop(database_path) as console:
        await console.shop.tell(
            event(), event("charge.refunded", charge(amount_refunded=1999), id="evt_2")
        )
        shown = text_of(await console.operator.see(PATH))

    _, _, timeline = shown.partition("Timeline")
    first, _, second = timeline.partition("evt_1")
    assert "Event checkout.session.completed processed Order after it: paid" in first
    assert "delivered by Stripe" in first
    assert "Event charge.refunded processed Order after it: refunded" in second
    assert "Notification order.paid only in the feed" in second


async def test_an_order_of_another_program_and_a_subscription_are_shown(
    database_path: Path,
) -> None:
    subject = session(mode="subscription", subscription="sub_1", payment_intent=None, livemode=True)
    async with console_shop(database_path) as console:
        await console.shop.tell(event(subject=subject))
        html = await console.operator.see(PATH)

    assert "Subscription Id sub_1" in text_of(html)
    assert "another program started this session" in text_of(html)
    assert 'href="https://dashboard.stripe.com/subscriptions/sub_1"' in html


@pytest.mark.parametrize("order_id", ["cs_test_unknown", "chk_" + "0" * 36, "x", "%00"])
async def test_an_unknown_order_is_a_page_that_says_so(database_path: Path, order_id: str) -> None:
    async with console_shop(database_path) as console:
        answered = await console.shop.service.client.get(f"/console/orders/{order_id}")

    assert answered.status_code == 404
    assert "There is no order with that id." in text_of(answered.text)
    assert "Orders Events Notifications Health" in text_of(answered.text)


async def test_a_flag_is_marked_as_seen(database_path: Path) -> None:
    async with console_shop(database_path) as console:
        await console.shop.tell(event(), DISPUTED)
        before = text_of(await console.operator.see(PATH))
        after = text_of(await console.operator.press_and_follow(PATH, "Mark as seen"))
        unseen = await console.shop.ids(flagged="true")

    assert "Disputed dp_1 Look at it in Stripe&#39;s dashboard; do not ship it." in before
    assert "The flag is marked as seen." in after
    assert "Disputed seen dp_1" in after
    assert unseen == []


async def test_an_order_without_that_flag_is_a_page_that_says_so(database_path: Path) -> None:
    async with console_shop(database_path) as console:
        await console.shop.tell(event(), DISPUTED)
        form_page = await console.operator.press(PATH, "Mark as seen")
        assert form_page.status_code == 303
        await console.shop.tell(
            event("charge.dispute.closed", dispute(status="won"), id="evt_3", created=1_760_000_009)
        )
        client = console.shop.service.client
        again = await client.post(
            form_page.request.url, content=form_page.request.content, headers=FORM
        )

    assert again.status_code == 404
    assert "does not have this flag" in text_of(again.text)


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
HOSTILE = "<script>alert(1)</script>\u202egnp.exe \x1b[31m\ud83d"


async def test_text_of_others_is_shown_and_does_nothing(database_path: Path) -> None:
    subject = session(
        client_reference_id="<b>42</b>",
        customer_details={"email": HOSTILE, "name": HOSTILE, "address": {"line1": HOSTILE}},
        custom_fields=[{"key": HOSTILE, "type": "text", "text": {"value": HOSTILE}}],
        metadata={HOSTILE: HOSTILE},
    )
    async with console_shop(database_path) as console:
        await console.shop.tell(event(subject=subject))
        pages = [await console.operator.see(path) for path in ("/console", PATH)]

    for html in pages:
        assert "<script" not in html
        assert "<b>42" not in html
        assert "\u202e" not in html
        assert "\x1b" not in html
        assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u202egnp.exe \\u001b[31m\\ud83d" in html


@asynccontextmanager
async def notified(
    database_path: Path, *scripts: bytes
) -> AsyncIterator[tuple[ConsoleShop, Upstream]]:
    """Run the service with a receiver that answers like this."""
    async with (
        upstream(*scripts) as receiver,
        console_shop(database_path, notify_url=f"{receiver.url}/", **SECRETS) as console,
    ):
        yield console, receiver


async def is_tried(service: Service, times: int) -> bool:
    page = await service.client.get(PATH)
    return text_of(page.text).count(" ms; ") >= times


async def test_each_try_of_a_notification_is_shown_and_it_is_sent_again(
    database_path: Path,
) -> None:
    refused, taken = answer(b"", status="503 No"), answer(b"", status="204 Taken")
    async with notified(database_path, refused, taken) as (console, receiver):
        await console.shop.tell(event())
        await until(lambda: len(receiver.requests) == 1)
        while not await is_tried(console.shop.service, 1):
            pass
        waiting = text_of(await console.operator.see(PATH))
        resent = text_of(await console.operator.press_and_follow(PATH, "Send again"))
        while not await is_tried(console.shop.service, 2):
            pass
        delivered = text_of(await console.operator.see(PATH))

    assert "Notification order.paid waiting next try" in waiting
    assert "answered 503" in waiting
    assert "to be tried again" in waiting
    assert "The notification is due now" in resent
    assert "Notification order.paid delivered" in delivered
    assert "answered 204" in delivered
    assert len(receiver.requests) == 2


async def test_without_a_receiver_nothing_is_sent_again(database_path: Path) -> None:
    async with console_shop(database_path) as console:
        await console.shop.tell(event())
        shown = await console.operator.see(PATH)

    assert "Notification order.paid" in text_of(shown)
    assert "resend" not in shown


async def test_what_the_page_shows_is_what_the_api_says(database_path: Path) -> None:
    async with console_shop(database_path) as console:
        await console.shop.tell(event(), DISPUTED)
        document = (
            await console.shop.service.client.get(
                f"/orders/{SESSION_ID}", headers=bearer(ADMIN_TOKEN)
            )
        ).json()
        shown = text_of(await console.operator.see(PATH))

    assert f"Version {document['version']}" in shown
    assert "Paid 9 Oct 2025, 08:53:20 UTC" in shown
    assert document["paid_at"] == "2025-10-09T08:53:20.000Z"
