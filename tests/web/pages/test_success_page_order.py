"""Which order the success page is about, what was bought, and what went wrong."""

import json
from pathlib import Path

import pytest

from app.domain.stripe_events.read_back import event_of_line_items
from tests.support.builders import (
    CHECKOUT_ID,
    NOW_S,
    SESSION_ID,
    Document,
    Service,
    event,
    query,
    service_in_process,
    session,
    settings,
)
from tests.support.success_shop import DISPUTE, PAID, get, page, tell
from tests.web.api.test_status import EXPIRED, keep_checkout

TIMES = "\N{MULTIPLICATION SIGN}"
PORTAL = "https://billing.stripe.com/p/login/test_1"
DECLINED = event("payment_intent.payment_failed", {"id": "pi_1", "object": "payment_intent"})
SUBSCRIBED = event(subject=session(mode="subscription", payment_intent=None, subscription="sub_1"))
CATALOG = """
[[price]]
id = "price_MUG"
name = "Mug <blue>"
[[price]]
id = "price_BEANS"
name = "Beans"
[[price]]
id = "price_NAMELESS"
"""


def subscription_is(status: str) -> Document:
    return event("customer.subscription.updated", {"id": "sub_1", "status": status})


def keep_order(database_path: Path, quantities: dict[str, int]) -> None:
    keep_checkout(database_path)
    items = [{"price": price, "quantity": quantity} for price, quantity in quantities.items()]
    query(
        database_path,
        "UPDATE checkouts SET line_items = ?, client_reference_id = 'order-42'",
        json.dumps(items),
    )


async def shown_of(database_path: Path, quantities: dict[str, int], events: list[Document]) -> str:
    catalog = database_path.parent / "catalog.toml"
    catalog.write_text(CATALOG)
    async with service_in_process(settings(database_path.parent, catalog_file=catalog)) as service:
        keep_order(service.database_path, quantities)
        await tell(service, events)
        return (await get(service)).text


@pytest.mark.parametrize("events", [[], [PAID]], ids=["open", "paid"])
async def test_the_order_number_and_what_was_bought_are_shown(
    database_path: Path, events: list[Document]
) -> None:
    html = await shown_of(database_path, {"price_MUG": 2, "price_BEANS": 1}, events)

    assert "Order number <b>order-42</b>" in html
    assert f"<li>2 {TIMES} Mug &lt;blue&gt;</li>\n<li>1 {TIMES} Beans</li>" in html


async def test_what_was_bought_is_shown_in_place_of_the_cart_once_it_was_read(
    database_path: Path,
) -> None:
    """As an upsell changes it."""
    items = [{"price": {"id": "price_BEANS"}, "quantity": 3}]
    read = event_of_line_items(SESSION_ID, items, differs_from_cart=True, now_s=NOW_S)

    html = await shown_of(database_path, {"price_MUG": 2}, [PAID, read])

    assert f"<li>3 {TIMES} Beans</li>" in html
    assert "Mug" not in html


@pytest.mark.parametrize("price", ["price_NAMELESS", "price_GONE"])
async def test_an_order_that_the_catalog_cannot_name_whole_is_not_listed(
    database_path: Path, price: str
) -> None:
    html = await shown_of(database_path, {"price_MUG": 2, price: 1}, [PAID])

    assert "Order number" in html
    assert "<li>" not in html
    assert price not in html


async def test_an_order_without_a_number_shows_none(local_service: Service) -> None:
    keep_checkout(local_service.database_path)

    assert 'class="order"' not in (await get(local_service)).text


async def test_a_session_of_somebody_elses_shows_its_own_number(local_service: Service) -> None:
    await tell(local_service, [event(subject=session(client_reference_id="order-7"))])

    html = (await get(local_service, f"{SESSION_ID}/page")).text

    assert "Order number <b>order-7</b>" in html


async def test_nothing_else_of_a_buyer_is_shown_or_told_by_the_status(
    local_service: Service,
) -> None:
    keep_order(local_service.database_path, {})
    personal = {"email": "ann@mail.example", "name": "Ann Lee", "phone": "+49 1"}
    await tell(local_service, [event(subject=session(customer_details=personal))])

    html = (await get(local_service)).text
    status = (await local_service.client.get(f"/checkout/{CHECKOUT_ID}")).text

    assert not [value for value in personal.values() if value in html + status]
    assert "order-42" not in status


# --- what went wrong


@pytest.mark.parametrize(
    ("events", "headings", "words"),
    [
        (
            [PAID, event("charge.dispute.closed", DISPUTE | {"status": "lost"})],
            ("decided in your favor", "zu Ihren Gunsten", "a su favor"),
            "it gives you the money back",
        ),
        (
            [DECLINED, event(EXPIRED, session(payment_status="unpaid"))],
            ("was declined", "wurde abgelehnt", "ha sido rechazado"),
            "another card",
        ),
        (
            [
                DECLINED,
                event(EXPIRED, session(payment_status="unpaid")),
                event("payment_intent.canceled", {"id": "pi_1", "object": "payment_intent"}),
            ],
            ("was declined", "wurde abgelehnt", "ha sido rechazado"),
            "another card",
        ),
        (
            [
                SUBSCRIBED,
                subscription_is("canceled"),
            ],
            ("has ended", "ist beendet", "ha finalizado"),
            "Nothing more will be charged",
        ),
        (
            [
                SUBSCRIBED,
                event("customer.subscription.updated", {"id": "sub_1", "status": "past_due"}),
            ],
            ("is not paid at the moment", "derzeit nicht bezahlt", "no está pagada"),
            "update your payment method",
        ),
    ],
    ids=["lost dispute", "declined", "declined and canceled", "ended", "overdue"],
)
async def test_each_failure_has_its_own_text(
    local_service: Service, events: list[Document], headings: tuple[str, ...], words: str
) -> None:
    keep_checkout(local_service.database_path)
    await tell(local_service, events)

    for language, heading in zip(("en", "de", "es"), headings, strict=True):
        shown = await page(local_service, **{"Accept-Language": language})
        assert heading in shown.texts["h1"]
        assert "Thank you" not in shown.texts["h1"]

    assert words in " ".join((await page(local_service)).texts["p"].split())


async def test_another_card_that_worked_makes_a_decline_forgotten(local_service: Service) -> None:
    keep_checkout(local_service.database_path)
    await tell(local_service, [DECLINED, PAID])

    assert "Thank you" in (await page(local_service)).texts["h1"]


async def test_an_open_question_beside_a_lost_one_is_still_open(local_service: Service) -> None:
    keep_checkout(local_service.database_path)
    lost = DISPUTE | {"id": "dp_0", "status": "lost"}
    await tell(
        local_service,
        [PAID, event("charge.dispute.closed", lost), event("charge.dispute.created", DISPUTE)],
    )

    assert (await page(local_service)).texts["h1"] == "Your payment has been received"


# --- the customer portal


@pytest.mark.parametrize(
    ("events", "portal_url", "is_shown"),
    [
        ([SUBSCRIBED], PORTAL, True),
        ([SUBSCRIBED], None, False),
        ([PAID], PORTAL, False),
        ([], PORTAL, False),
    ],
)
async def test_subscribers_are_led_to_the_portal_where_it_is_set(
    database_path: Path, events: list[Document], portal_url: str | None, *, is_shown: bool
) -> None:
    its_settings = settings(database_path.parent, customer_portal_url=portal_url)
    async with service_in_process(its_settings) as service:
        keep_checkout(service.database_path)
        await tell(service, events)
        html = (await get(service)).text

    link = f'<a href="{PORTAL}">Manage your subscription</a>'
    assert (link in html) is is_shown


@pytest.mark.parametrize("url", ["http://billing.stripe.com/p", "billing.stripe.com", "x:1"])
def test_a_portal_that_is_not_https_stops_the_start(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValueError, match="copy the portal's link from Stripe's dashboard"):
        settings(tmp_path, customer_portal_url=url)


async def test_a_time_in_utc_has_room_for_the_readers_own(local_service: Service) -> None:
    keep_checkout(local_service.database_path)
    await tell(local_service, [PAID])

    html = (await get(local_service)).text

    assert '<time class="local" datetime="2025-10-09T08:53:20+00:00" hidden></time>' in html
