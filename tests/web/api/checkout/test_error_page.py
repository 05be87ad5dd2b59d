"""Errors as a page for people."""

from html.parser import HTMLParser

from tests.support.checkout_shop import NAVIGATION, SHOP, OpenShop, Shop, post_form
from tests.support.wire import (
    resets,
)


class Page(HTMLParser):
    """What a browser would make of the page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.words = ""
        self.attributes: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "a":
            self.links.append(dict(attrs)["href"])

    def handle_data(self, data: str) -> None:
        self.words += data


async def test_a_person_gets_a_page_with_the_same_text_and_a_link_back(shop: Shop) -> None:
    pairs = [("price", "price_A"), ("quantity", "0")]

    for_person = await post_form(shop, *pairs, headers=NAVIGATION)
    for_program = await post_form(shop, *pairs)

    assert for_person.status_code == for_program.status_code == 422
    assert for_person.headers["content-type"] == "text/html; charset=utf-8"
    assert for_person.headers["cache-control"] == "no-store"
    page, problem = Page(for_person.text), for_program.json()
    for words in (problem["title"], problem["detail"], problem["errors"][0]["detail"]):
        assert words in page.words
    assert "invalid_cart" in page.words
    assert page.words.count(problem["title"]) == 1
    assert for_person.headers["x-request-id"] in page.words
    assert page.links == [SHOP]


async def test_a_person_whose_cart_meets_a_dead_upstream_can_come_back_to_the_shop(
    open_shop: OpenShop,
) -> None:
    async with open_shop(resets) as shop:
        response = await post_form(
            shop, ("price", "price_A"), ("quantity", "1"), headers=NAVIGATION
        )

    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert Page(response.text).links == [SHOP]


async def test_the_page_runs_and_loads_nothing(shop: Shop) -> None:
    response = await post_form(shop, headers=NAVIGATION)

    page = Page(response.text)
    assert not set(page.tags) & {"script", "img", "iframe", "link", "object", "form", "base"}
    assert not {name for name in page.attributes if name.startswith("on")}
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"


async def test_hostile_names_in_a_cart_stay_text_in_the_page(shop: Shop) -> None:
    hostile = "<script>alert(1)</script><a href=//evil.example onclick='x'>\"&"

    response = await post_form(
        shop, ("price", "price_A"), ("quantity", "1"), (hostile, "1"), headers=NAVIGATION
    )

    page = Page(response.text)
    assert response.status_code == 422
    assert hostile.replace("/", "~1")[:40] in page.words
    assert "script" not in page.tags
    assert page.links == [SHOP]
    assert "onclick" not in page.attributes


async def test_the_shops_own_address_cannot_break_out_of_the_link(open_shop: OpenShop) -> None:
    odd = 'https://shop.example/"onmouseover="alert(1)"><script>alert(1)</script>'

    async with open_shop(app_url=odd) as shop:
        response = await post_form(shop, headers=NAVIGATION)

    page = Page(response.text)
    assert page.links == [odd]
    assert "script" not in page.tags
    assert "onmouseover" not in page.attributes
