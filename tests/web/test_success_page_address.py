"""How a buyer gets to the success page, and what is there where there is none."""

import sqlite3
from contextlib import closing
from urllib.parse import urljoin

import pytest

from tests.builders import CHECKOUT_ID, SESSION_ID, Service
from tests.web.success_shop import get
from tests.web.test_status import keep_checkout


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
