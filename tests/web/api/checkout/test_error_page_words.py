"""The page for a buyer whose request failed: their words, their language, the way to their cart."""

import re

import pytest

from tests.support.checkout_shop import CART, NAVIGATION, OpenShop, Shop, post_form
from tests.support.success_shop import Shown
from tests.support.wire import answer

ONE = (("price", "price_A"), ("quantity", "1"))
CANCEL = "https://shop.example/cart?mug=2#x"
DEVELOPERS = re.compile(r"(?i)json|pointer|idempotency|header|database|stripe|altan|_|/line")


def link_of(html: str) -> str:
    shown = Shown(html)
    return str(shown.attributes["a"]["href"])


@pytest.mark.parametrize(
    ("language", "heading", "back"),
    [
        ("en", "Your cart could not be processed", "Back to shop.example"),
        ("de-AT", "Ihr Warenkorb konnte nicht verarbeitet werden", "Zurück zu shop.example"),
        ("es", "No se ha podido procesar su carrito", "Volver a shop.example"),
        ("fr", "Your cart could not be processed", "Back to shop.example"),
    ],
)
async def test_it_is_in_the_buyers_language(
    shop: Shop,
    language: str,
    heading: str,
    back: str,
) -> None:
    response = await post_form(
        shop, ("price", "x"), headers=NAVIGATION | {"Accept-Language": language}
    )

    shown = Shown(response.text)
    assert shown.texts["h1"] == heading
    assert shown.texts["title"].startswith(heading)
    assert shown.texts["a"] == back
    assert shown.attributes["html"]["lang"] == response.headers["content-language"]
    assert "Accept-Language" in response.headers["vary"]


async def test_it_looks_like_the_shops_success_page(open_shop: OpenShop) -> None:
    async with open_shop(shop_name="The Pottery", brand_color="#93401d") as shop:
        response = await post_form(shop, headers=NAVIGATION)

    assert '<p class="shop">The Pottery</p>' in response.text
    assert "--brand: #93401d" in response.text


async def test_a_buyer_reads_no_developers_words_unless_they_unfold_them(
    open_shop: OpenShop,
) -> None:
    unknown, refused = answer(b"", status="404 No"), answer(b"{}", status="422 No")
    async with open_shop(unknown, refused, allowed_origins="https://shop.example") as shop:
        pages = [
            await post_form(shop, *ONE, headers=NAVIGATION),
            await post_form(shop, *ONE, headers=NAVIGATION),
            await post_form(shop, *ONE, ("coupon", "x"), headers=NAVIGATION),
            await post_form(shop, *ONE, headers=NAVIGATION | {"Origin": "https://evil.example"}),
            await shop.client.post("/checkout", content=b"{", headers=NAVIGATION),
            await shop.client.get("/nowhere", headers=NAVIGATION),
        ]

    assert [page.status_code for page in pages] == [502, 422, 422, 403, 415, 404]
    for page in pages:
        before, fold = page.text.split("<details>")
        shown = before.partition("<main")[2].partition("<h1>")[2]
        assert not DEVELOPERS.search(re.sub(r"<[^>]*>", " ", shown))
        assert "Error <code>" in fold


@pytest.mark.parametrize(
    ("asked", "back"),
    [
        (CANCEL, CANCEL),
        ("https://evil.example/", "https://shop.example/basket"),
        ("javascript:alert(1)", "https://shop.example/basket"),
        ("", "https://shop.example/basket"),
    ],
)
async def test_the_way_back_leads_to_the_cart_and_never_elsewhere(
    open_shop: OpenShop,
    asked: str,
    back: str,
) -> None:
    async with open_shop(cancel_url="https://shop.example/basket") as shop:
        response = await post_form(
            shop, ("price", "x"), ("quantity", "1"), ("cancel_url", asked), headers=NAVIGATION
        )

    assert response.status_code == 422
    assert link_of(response.text) == back


@pytest.mark.parametrize("cart", [{"payload": CART | {"cancel_url": CANCEL, "mode": "x"}}, []])
async def test_the_cart_may_be_in_an_envelope_or_no_cart_at_all(
    shop: Shop,
    cart: object,
) -> None:
    response = await shop.client.post("/checkout", json=cart, headers=NAVIGATION)

    assert link_of(response.text) == (CANCEL if cart else "https://shop.example")


async def test_a_payment_that_cannot_be_shown_is_not_said_to_be_free(shop: Shop) -> None:
    response = await shop.client.get("/checkout/chk_unknown/page", headers=NAVIGATION)

    assert response.status_code == 404
    assert "not charged" not in response.text
    assert "your payment is not lost" in response.text


async def test_a_program_gets_the_same_problem_as_before(shop: Shop) -> None:
    response = await shop.client.post("/checkout", json=[], headers={"Accept-Language": "de"})

    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["title"] == "The cart is not valid"
    assert "Accept-Language" not in response.headers["vary"]
