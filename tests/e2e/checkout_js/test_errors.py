"""/checkout.js in a browser when a checkout cannot start."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Route

from tests.support.browser.shop_page import (
    CART,
    Shop,
    ShopPage,
    abort,
    hold,
    lose_the_answer,
    running_shop,
)


async def test_a_refused_cart_says_where_and_its_key_is_forgotten(visit: ShopPage) -> None:
    bad = {"lineItems": [{"price": "price_A", "quantity": 0}]}

    problem = await visit.problem(bad)
    await visit.problem(bad)

    assert problem["isOurs"]
    assert problem["name"] == "CheckoutError"
    assert (problem["code"], problem["status"]) == ("invalid_cart", 422)
    assert (
        problem["message"]
        == "The cart is not valid: /line_items/0/quantity must be a whole number from 1 to 999."
    )
    assert [each["pointer"] for each in problem["errors"]] == ["/line_items/0/quantity"]
    response = await visit.sent("POST")[0].response()
    assert response is not None
    assert problem["requestId"] == await response.header_value("x-request-id")
    assert "retryAfter" not in problem or problem["retryAfter"] is None
    assert len(set(await visit.keys())) == 2


async def test_a_misspelt_field_is_refused_by_its_name(visit: ShopPage) -> None:
    problem = await visit.problem(CART | {"cancelUlr": "https://shop.example/"})

    assert [each["pointer"] for each in problem["errors"]] == ["/cancel_ulr"]


@pytest.mark.e2e_long
async def test_who_is_limited_keeps_the_key_and_knows_when_to_come_again(
    tmp_path: Path, browser: Browser
) -> None:
    limited = {"RATE_LIMIT_CHECKOUT": "1/hour"}
    async with (
        running_shop(tmp_path, browser, **limited) as shop,
        shop.visited() as visit,
    ):
        await visit.route("", lose_the_answer)
        await visit.problem()
        await visit.context.unroute(f"{shop.service_url}/checkout")

        refused = [await visit.problem(), await visit.problem()]

        assert {(it["code"], it["status"]) for it in refused} == {("rate_limited", 429)}
        assert refused[0]["retryAfter"] > 0
        assert len(set(await visit.keys())) == 1


async def test_without_a_network_there_is_no_status(visit: ShopPage) -> None:
    await visit.route("", abort)

    problem = await visit.problem()

    assert problem["isOurs"]
    assert problem["code"] == "network_error"
    assert problem["message"] == "The checkout cannot be reached."
    visit.seen.expect("Is this origin in ALLOWED_ORIGINS?")
    assert problem.get("status") is None


@pytest.mark.parametrize("body", ["<h1>Bad gateway</h1>", "", "null", '{"message": "down"}'])
async def test_a_proxy_that_answers_in_place_of_the_service_is_the_network(
    visit: ShopPage, body: str
) -> None:
    async def bad_gateway(route: Route) -> None:
        headers = {"Access-Control-Allow-Origin": "*"}
        await route.fulfill(status=502, body=body, headers=headers)

    await visit.route("", bad_gateway)

    problem = await visit.problem()

    assert problem["isOurs"]
    assert problem["code"] == "network_error"


async def test_after_thirty_seconds_nothing_is_waited_for(shop: Shop) -> None:
    async with shop.visited() as visit:
        await visit.stop_the_clock()
        await visit.route("", hold)
        await visit.page.evaluate(
            "(it) => { startCheckout(it).catch((e) => errors.push(e)); }", CART
        )

        await visit.page.clock.run_for(29_999)
        assert await visit.page.evaluate("errors") == []
        await visit.page.clock.run_for(1)

        await visit.until("errors.length")
        assert await visit.page.evaluate("errors[0].code") == "timeout"
