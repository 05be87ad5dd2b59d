"""Which pages may start a checkout."""

import httpx
import pytest

from tests.support.checkout_shop import CART, EVIL, SHOP, OpenShop, Shop, assert_problem


async def post_from(shop: Shop, origin: str | None, **headers: str) -> httpx.Response:
    sent = headers if origin is None else headers | {"Origin": origin}
    return await shop.client.post("/checkout", json=CART, headers=sent)


@pytest.mark.parametrize("origin", [None, SHOP, EVIL, "null"])
async def test_no_origin_is_refused_where_the_owner_listed_none(
    shop: Shop, origin: str | None
) -> None:
    response = await post_from(shop, origin)

    assert response.status_code == 303


@pytest.mark.parametrize(
    "origin", [None, SHOP, "https://www.shop.example", "HTTPS://WWW.shop.example"]
)
async def test_the_listed_origins_and_programs_may_start_a_checkout(
    open_shop: OpenShop, origin: str | None
) -> None:
    async with open_shop(allowed_origins=[SHOP, "https://www.shop.example"]) as shop:
        response = await post_from(shop, origin)

    assert response.status_code == 303


@pytest.mark.parametrize(
    "origin",
    [
        EVIL,
        "null",
        "",
        "http://shop.example",
        "https://shop.example:8443",
        "https://shop.example.evil.example",
        "https://sub.shop.example",
        "https://shop.example/",
        "https://shop.example, https://evil.example",
    ],
)
async def test_another_origin_is_refused_once_the_owner_has_listed_some(
    open_shop: OpenShop, origin: str
) -> None:
    async with open_shop(allowed_origins=[SHOP]) as shop:
        response = await post_from(shop, origin)

        problem = assert_problem(response, 403, "origin_not_allowed")
        assert problem["detail"].startswith(f"The origin {origin} is not in ALLOWED_ORIGINS.")
        assert ("a file:// page" in problem["detail"]) is (origin == "null")
        assert shop.altan_pay.requests == []


@pytest.mark.parametrize(
    ("origin", "allowed"), [(SHOP, True), (EVIL, False), ("null", False), (f"{SHOP}:8443", False)]
)
async def test_a_preflight_allows_the_shops_pages_alone(
    shop: Shop,
    origin: str,
    allowed: bool,  # noqa: FBT001 a test's parameter
) -> None:
    response = await shop.client.options(
        "/checkout",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,idempotency-key",
        },
    )

    assert response.status_code == (200 if allowed else 400)
    assert response.headers.get("access-control-allow-origin") == (origin if allowed else None)
    assert "access-control-allow-credentials" not in response.headers
    if allowed:
        assert "POST" in response.headers["access-control-allow-methods"]
        assert "content-type" in response.headers["access-control-allow-headers"].lower()
        assert "idempotency-key" in response.headers["access-control-allow-headers"].lower()


@pytest.mark.parametrize("cart", [CART, {}])
async def test_a_script_in_the_shops_page_can_read_answers_and_errors(
    shop: Shop, cart: dict[str, object]
) -> None:
    headers = {"Sec-Fetch-Mode": "cors"}

    own = await shop.client.post("/checkout", json=cart, headers=headers | {"Origin": SHOP})
    foreign = await shop.client.post("/checkout", json=cart, headers=headers | {"Origin": EVIL})

    assert own.headers["access-control-allow-origin"] == SHOP
    assert "Retry-After" in own.headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in foreign.headers
    assert {"Accept", "Sec-Fetch-Mode", "Origin"} <= set(own.headers["vary"].split(", "))
