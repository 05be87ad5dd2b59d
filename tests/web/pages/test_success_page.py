"""The success page's text, without script."""

import re

import pytest

from app.domain.payments.status import PaymentStatus
from app.web.pages.success_page import LATE_AFTER_S
from tests.support.builders import (
    CHECKOUT_ID,
    NOW_S,
    SESSION_ID,
    Document,
    Service,
    event,
    query,
    session,
)
from tests.support.success_shop import HISTORIES, PAID, get, page, tell
from tests.web.api.test_status import keep_checkout

NBSP = "\N{NO-BREAK SPACE}"
BEGUN = session(mode="subscription", payment_intent=None, subscription="sub_1")
HEADINGS = {
    "open": ("We are confirming", "Wir bestätigen", "Estamos confirmando"),
    "processing": ("Your bank is still", "Ihre Bank bestätigt", "Su banco aún"),
    "paid": ("Thank you, your payment", "Vielen Dank, Ihre Zahlung", "Muchas gracias, hemos"),
    "failed": ("did not go through", "nicht ausgeführt", "No se ha podido"),
    "expired": ("has expired", "ist abgelaufen", "ha caducado"),
    "partially_refunded": ("Part of your", "Ein Teil Ihrer", "una parte del pago"),
    "refunded": ("has been refunded", "wurde erstattet", "Se le ha reembolsado el"),
    "disputed": ("has been received", "ist eingegangen", "Hemos recibido"),
}


@pytest.fixture
def shop(local_service: Service) -> Service:
    """The service, with one checkout."""
    keep_checkout(local_service.database_path)
    return local_service


# --- what it says


def test_no_status_is_left_out() -> None:
    assert list(HEADINGS) == list(HISTORIES)
    assert set(HISTORIES) == set(PaymentStatus)


@pytest.mark.parametrize("status", HISTORIES)
async def test_each_status_is_shown_in_each_language(shop: Service, status: str) -> None:
    await tell(shop, HISTORIES[status])

    for language, heading in zip(("en", "de", "es"), HEADINGS[status], strict=True):
        shown = await page(shop, **{"Accept-Language": language})

        assert heading in shown.texts["h1"]
        assert shown.texts["title"] == f"{shown.texts['h1']} \N{EN DASH} shop.example"
        assert shown.attributes["html"]["lang"] == language
        assert shown.attributes["main"]["data-status"] == status


@pytest.mark.parametrize(
    ("language", "amount", "paid"),
    [
        ("en-US", "€19.99", "Paid on October 9, 2025, 8:53\N{NARROW NO-BREAK SPACE}AM (UTC)"),
        ("en-GB", "€19.99", "Paid on 9 October 2025, 08:53 (UTC)"),
        ("de", f"19,99{NBSP}€", "Bezahlt am 9. Oktober 2025, 08:53 Uhr (UTC)"),
        ("es", f"19,99{NBSP}€", "Pagado el 9 de octubre de 2025, 8:53 (UTC)"),
    ],
)
async def test_amount_and_time_are_written_as_the_buyer_writes_them(
    shop: Service, language: str, amount: str, paid: str
) -> None:
    await tell(shop, [PAID])

    shown = await page(shop, **{"Accept-Language": language})

    assert amount in shown.texts["p"]
    assert shown.texts["time"] == paid


async def test_yen_have_no_decimals(shop: Service) -> None:
    await tell(shop, [event(subject=session(amount_total=2500, currency="jpy"))])

    assert "¥2,500" in (await page(shop)).texts["p"]


async def test_a_partial_refund_shows_both_amounts(shop: Service) -> None:
    await tell(shop, HISTORIES["partially_refunded"])

    text = (await page(shop)).texts["p"]
    assert "€5.00" in text
    assert "out of €19.99" in text


async def test_an_order_that_costs_nothing_is_not_called_paid(shop: Service) -> None:
    free = session(amount_total=0, payment_status="no_payment_required", payment_intent=None)
    await tell(shop, [event(subject=free)])

    shown = await page(shop)

    assert shown.texts["h1"] == "Thank you, your order is complete."
    assert "There was nothing to pay today." in shown.texts["p"]
    assert "time" not in shown.texts


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"status": "active"}, "Your subscription renews on November 8, 2025."),
        (
            {"status": "trialing", "cancel_at_period_end": True},
            "Your subscription ends on November 8, 2025.",
        ),
        ({"status": "paused"}, None),
        (None, None),
    ],
)
async def test_a_subscription_page_says_so_and_shows_its_renewal(
    shop: Service, state: Document | None, words: str | None
) -> None:
    subscription = {"id": "sub_1", "current_period_end": NOW_S + 30 * 86_400}
    changed = event("customer.subscription.created", subscription | (state or {}))
    await tell(shop, [event(subject=BEGUN), *([changed] if state else [])])

    shown = await page(shop)

    assert shown.texts["h1"] == "Thank you, your subscription is active."
    said = re.findall(r"Your subscription \w+ [^.]*\.", shown.texts["p"])
    assert said == ([words] if words else [])


async def test_a_dispute_is_shown_without_blame(shop: Service) -> None:
    await tell(shop, HISTORIES["disputed"])

    text = (await get(shop)).text.lower()

    assert "an open question about this payment" in text
    shown = text.partition("<main")[2].partition("<h1")[2]
    assert not re.search(r"disput|fraud|charge", shown)


@pytest.mark.parametrize("public_id", [CHECKOUT_ID, SESSION_ID])
async def test_the_way_back_to_the_shop_is_always_there(shop: Service, public_id: str) -> None:
    await tell(shop, [PAID])

    shown = await page(shop, f"{public_id}/page")

    assert shown.attributes["a"]["href"] == "https://shop.example"
    assert shown.texts["a"] == "Back to shop.example"


@pytest.mark.parametrize("status", ["failed", "expired"])
async def test_a_payment_that_did_not_happen_leads_back_to_the_cart(
    shop: Service, status: str
) -> None:
    query(shop.database_path, "UPDATE checkouts SET cancel_url = 'https://shop.example/cart?a=1&b'")
    await tell(shop, HISTORIES[status])

    shown = await page(shop)

    assert shown.attributes["a"]["href"] == "https://shop.example/cart?a=1&b"
    assert shown.texts["a"] == "Back to shop.example"


async def test_changes_are_announced_to_who_cannot_see(shop: Service) -> None:
    (region,) = re.findall(r'<div id="news"[^>]*>', (await get(shop)).text)

    assert 'aria-live="polite"' in region


# --- languages


@pytest.mark.parametrize(
    ("query", "accepted", "language"),
    [
        ("", "fr, es;q=0.5", "es"),
        ("", "fr", "en"),
        ("?lang=de", "es", "de"),
        ("?lang=xx", "es", "es"),
        ("?lang=%00%22%3E", "de", "de"),
    ],
)
async def test_the_query_then_the_browser_choose_the_language(
    shop: Service, query: str, accepted: str, language: str
) -> None:
    answer = await get(shop, f"{CHECKOUT_ID}/page{query}", **{"Accept-Language": accepted})

    assert answer.headers["content-language"] == language
    assert "Accept-Language" in answer.headers["vary"].split(", ")
    assert f'<html lang="{language}" dir="ltr">' in answer.text


# --- without script


@pytest.mark.parametrize("status", HISTORIES)
async def test_it_reloads_itself_only_while_more_may_come_soon(shop: Service, status: str) -> None:
    await tell(shop, HISTORIES[status])

    refresh = (await page(shop)).refresh

    assert (refresh is not None) == (status in {"open", "processing"})


async def test_its_reloads_remember_when_the_buyer_came_and_the_language(shop: Service) -> None:
    first = await page(shop, f"{CHECKOUT_ID}/page?lang=de&opened=1&x=y")
    after_s, _, url = str(first.refresh).partition(";url=")

    second = await page(shop, f"{CHECKOUT_ID}/page{url}")

    assert (after_s, url) == ("15", "?lang=de&opened=1")
    assert second.attributes["html"]["lang"] == "de"
    assert second.refresh == first.refresh


@pytest.mark.parametrize("opened", ["", "x", "-1", "1" * 13, "1e3", "\N{ARABIC-INDIC DIGIT THREE}"])
async def test_a_buyer_who_comes_for_the_first_time_is_not_late(shop: Service, opened: str) -> None:
    shown = await page(shop, f"{CHECKOUT_ID}/page?opened={opened}")

    assert "data-late" not in shown.attributes["main"]
    assert str(shown.refresh).startswith("3;url=?opened=")


async def test_after_a_long_wait_a_buyer_reads_that_nothing_is_lost(shop: Service) -> None:
    now_s = int(str((await page(shop)).refresh).rpartition("=")[2])

    shown = await page(shop, f"{CHECKOUT_ID}/page?opened={now_s - LATE_AFTER_S}")

    assert "data-late" in shown.attributes["main"]
    assert "If you have paid, your payment is not lost" in shown.texts["p"]
