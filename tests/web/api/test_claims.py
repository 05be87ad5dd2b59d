"""Which checkout a session pays if the payment page's URL has no session id."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import orjson
import pytest

from tests.support.builders import (
    CHECKOUT_ID,
    SESSION_ID,
    Document,
    Service,
    event,
    query,
    running_service,
    session,
    settings,
)
from tests.support.wire import Upstream, answer, upstream

NAMELESS = answer(orjson.dumps({"url": "https://checkout.stripe.com/c/pay/elsewhere"}))
CATALOG = '[[price]]\nid = "price_A"\nunit_amount_minor = 1999\ncurrency = "eur"\n'
STRANGER = "cs_test_stranger"


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@asynccontextmanager
async def shop(database_path: Path, **changes: object) -> AsyncIterator[tuple[Service, Upstream]]:
    if database_path.suffix == ".url":
        changes["database_url"] = database_path.read_text()  # noqa: ASYNC240 a few bytes
    async with upstream(NAMELESS) as altan_pay:
        chosen = settings(database_path.parent, altan_pay_url=altan_pay.url, **changes)
        async with running_service(chosen) as service:
            yield Service(service.client, database_path), altan_pay


async def buy(opened: Service, altan_pay: Upstream, **cart: object) -> tuple[Document, str]:
    """The answer to a buyer, and the success URL that the payment page was given."""
    body = {"line_items": [{"price": "price_A", "quantity": 1}], **cart}
    started = await opened.client.post(
        "/checkout", json=body, headers={"Accept": "application/json"}
    )
    asked = orjson.loads(altan_pay.requests[-1].body)
    found = str(asked.get("success_url") or asked["payload"]["success_url"])
    return started.json(), found


def paid(success_url: str, session_id: str = SESSION_ID, **changes: object) -> Document:
    subject = session(id=session_id, success_url=success_url, payment_intent=None, **changes)
    return event(id=f"evt_{session_id}", subject=subject)


async def status(opened: Service, public_id: str) -> Document:
    document = (await opened.client.get(f"/checkout/{public_id}")).json()
    assert isinstance(document, dict)
    return document


async def refused_claims(opened: Service) -> float:
    metrics = (await opened.client.get("/metrics")).text
    line = 'altan_checkout_alerts_total{name="checkout_claim_refused"} '
    return float(metrics.partition(line)[2].partition("\n")[0])


async def test_the_session_that_was_made_for_a_checkout_pays_it(database_path: Path) -> None:
    async with shop(database_path) as (opened, altan_pay):
        started, success_url = await buy(opened, altan_pay)
        checkout_id = str(started["checkout_id"])

        await opened.deliver(paid(success_url.replace("{CHECKOUT_SESSION_ID}", SESSION_ID)))

        by_checkout = await status(opened, checkout_id)
        assert (by_checkout["status"], by_checkout["session_id"]) == ("paid", SESSION_ID)
        assert (await status(opened, SESSION_ID))["checkout_id"] == checkout_id
        assert await refused_claims(opened) == 0


@pytest.mark.parametrize(
    "forged",
    [
        "https://shop.example/?checkout_id={id}",
        "https://shop.example/?checkout_id={id}&checkout_key=",
        "https://shop.example/?checkout_id={id}&checkout_key=AAAAAAAAAAAAAAAAAAAAAA",
        "https://shop.example/?session_id={{CHECKOUT_SESSION_ID}}&checkout_id={id}#checkout_key={key}",
    ],
)
async def test_a_strangers_session_that_knows_the_checkouts_id_pays_nothing_of_it(
    database_path: Path, forged: str
) -> None:
    async with shop(database_path) as (opened, altan_pay):
        started, success_url = await buy(opened, altan_pay)
        checkout_id = str(started["checkout_id"])
        key = httpx.URL(success_url).params["checkout_key"]

        for _ in range(2):
            await opened.deliver(paid(forged.format(id=checkout_id, key=key), STRANGER))

        assert (await status(opened, checkout_id))["status"] == "open"
        of_stranger = await status(opened, STRANGER)
        assert (of_stranger["status"], of_stranger["checkout_id"]) == ("paid", None)
        assert await refused_claims(opened) == 1


async def test_the_secret_of_another_checkout_opens_nothing(database_path: Path) -> None:
    async with shop(database_path) as (opened, altan_pay):
        first, _ = await buy(opened, altan_pay)
        _, other_url = await buy(opened, altan_pay)
        key = httpx.URL(other_url).params["checkout_key"]
        forged = f"https://shop.example/?checkout_id={first['checkout_id']}&checkout_key={key}"

        await opened.deliver(paid(forged, STRANGER))

        assert (await status(opened, str(first["checkout_id"])))["status"] == "open"


async def test_a_session_that_is_known_to_cost_something_else_pays_nothing_of_it(
    database_path: Path, tmp_path: Path
) -> None:
    catalog = tmp_path / "catalog.toml"
    catalog.write_text(CATALOG)
    async with shop(database_path, catalog_file=catalog) as (opened, altan_pay):
        started, success_url = await buy(opened, altan_pay)
        checkout_id = str(started["checkout_id"])

        await opened.deliver(paid(success_url, STRANGER, amount_subtotal=1))
        cheap = await status(opened, checkout_id)
        await opened.deliver(paid(success_url, amount_subtotal=1999))

        assert cheap["status"] == "open"
        assert (await status(opened, checkout_id))["session_id"] == SESSION_ID
        metrics = (await opened.client.get("/metrics")).text
        assert 'altan_checkout_alerts_total{name="price_mismatch"} 1.0' in metrics


async def test_nobody_is_shown_the_secret_and_only_its_digest_is_kept(database_path: Path) -> None:
    async with shop(database_path) as (opened, altan_pay):
        started, success_url = await buy(opened, altan_pay)
        key = httpx.URL(success_url).params["checkout_key"]

        shown = (await opened.client.get(f"/checkout/{started['checkout_id']}")).text

        assert len(key) >= 22
        assert key not in f"{started} {shown}"
        assert key not in str(query(database_path, "SELECT * FROM checkouts"))


async def test_a_secret_that_a_shop_wrote_into_its_own_address_is_replaced(
    database_path: Path,
) -> None:
    old = "https://shop.example/thanks?checkout_key=old&a=1"
    async with shop(database_path) as (opened, altan_pay):
        _, success_url = await buy(opened, altan_pay, success_url=old)

        assert httpx.URL(success_url).params.get_list("checkout_key") != ["old"]
        assert len(httpx.URL(success_url).params.get_list("checkout_key")) == 1


async def test_a_checkout_of_a_version_without_secrets_is_joined_by_its_id(
    database_path: Path,
) -> None:
    async with shop(database_path) as (opened, altan_pay):
        started, _ = await buy(opened, altan_pay)
        query(database_path, "UPDATE checkouts SET key_digest = NULL")
        checkout_id = str(started["checkout_id"])

        await opened.deliver(paid(f"https://shop.example/?checkout_id={checkout_id}"))

        assert (await status(opened, checkout_id))["status"] == "paid"


async def test_a_checkout_that_is_not_ours_is_nobodys(database_path: Path) -> None:
    async with shop(database_path) as (opened, _):
        await opened.deliver(paid(f"https://shop.example/?checkout_id={CHECKOUT_ID}"))

        assert (await status(opened, SESSION_ID))["checkout_id"] is None
        assert await refused_claims(opened) == 0
