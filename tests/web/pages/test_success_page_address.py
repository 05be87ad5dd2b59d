"""How a buyer gets to the success page, and what an unknown id shows."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urljoin

import orjson
import pytest

from tests.support.builders import CHECKOUT_ID, SESSION_ID, Service, service_in_process, settings
from tests.support.success_shop import get
from tests.support.wire import answer as http_answer
from tests.support.wire import upstream
from tests.web.api.test_status import keep_checkout


@pytest.fixture
def shop(local_service: Service) -> Service:
    """The service, with one checkout."""
    keep_checkout(local_service.database_path)
    return local_service


@pytest.mark.parametrize(
    ("query", "leads_to"),
    [
        (f"session_id={SESSION_ID}&checkout_id={CHECKOUT_ID}", f"{CHECKOUT_ID}/page"),
        (f"session_id={SESSION_ID}", f"{SESSION_ID}/page"),
        (f"lang=de&checkout_id={CHECKOUT_ID}", f"{CHECKOUT_ID}/page?lang=de"),
        (f"lang=%0A%26&checkout_id={CHECKOUT_ID}", f"{CHECKOUT_ID}/page?lang=%0A%26"),
    ],
)
async def test_the_address_for_stripe_leads_to_the_page(
    shop: Service, query: str, leads_to: str
) -> None:
    answer = await get(shop, f"page?{query}")

    assert (answer.status_code, answer.headers["location"]) == (303, leads_to)
    assert urljoin("https://a.example/pay/checkout/page", leads_to).startswith(
        "https://a.example/pay/checkout/c"
    )


@pytest.mark.parametrize(
    "path",
    [
        "page",
        "page?checkout_id=//evil.example&session_id={CHECKOUT_SESSION_ID}",
        f"page?checkout_id={CHECKOUT_ID}%0A",
        f"chk_{'0' * 36}/page",
        "cs_test_unknown/page",
        "x/page",
        f"{CHECKOUT_ID}/page/",
    ],
)
async def test_what_nobody_knows_is_not_found(shop: Service, path: str) -> None:
    answer = await get(shop, path)

    assert answer.status_code == 404
    assert "<code>not_found</code>" in answer.text
    assert 'href="https://shop.example"' in answer.text


async def test_a_database_that_cannot_be_read_is_said_to_a_person(shop: Service) -> None:
    with closing(sqlite3.connect(shop.database_path)) as connection:
        connection.execute("ALTER TABLE payments RENAME TO elsewhere")

    answer = await get(shop)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "<code>storage_unavailable</code>" in answer.text


async def test_a_shop_without_code_sends_its_buyers_there_by_a_setting(database_path: Path) -> None:
    payment_page = {"url": f"https://checkout.stripe.com/c/pay/{SESSION_ID}"}
    entry = "https://checkout.shop.example/checkout/page"  # not among the shop's origins
    async with upstream(http_answer(orjson.dumps(payment_page))) as altan_pay:
        changes = {"altan_pay_url": altan_pay.url, "success_url": entry}
        async with service_in_process(settings(database_path.parent, **changes)) as service:
            cart = {"line_items": [{"price": "price_A", "quantity": 1}]}
            await service.client.post("/checkout", json=cart)
            (order,) = [orjson.loads(request.body)["payload"] for request in altan_pay.requests]

            comes_back_to = order["success_url"].replace("{CHECKOUT_SESSION_ID}", SESSION_ID)
            shown = await service.client.get(comes_back_to, follow_redirects=True)

    assert comes_back_to.startswith(f"{entry}?session_id=")
    assert shown.status_code == 200
    assert "We are confirming your payment" in shown.text
