import re
from html import escape, unescape
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from sandbox.altan_pay.faults import FAULTS
from sandbox.server import SandboxConfig
from sandbox.shop.cart import QUANTITY_MAX
from sandbox.shop.prices import PRICES, Mode
from sandbox.shop.products import PRODUCTS
from tests.support.sandbox.local_servers import Service, running_sandbox

SANDBOX = Path(__file__).parents[2] / "sandbox"
CART = "/?mug=2&beans=1"


def elements(html: str, tag: str) -> list[str]:
    found: list[str] = re.findall(rf"<{tag}[ >].*?</{tag}>", html, re.DOTALL)
    return found


def fields(html: str) -> list[tuple[str, str]]:
    """The names and values that a form sends, in order."""
    pairs = re.findall(r'<input [^>]*?name="(\w+)" value="([^"]*)"', html)
    return [(name, unescape(value)) for name, value in pairs]


def buy_forms(html: str) -> list[str]:
    return [form for form in elements(html, "form") if 'method="post"' in form]


async def test_each_product_has_a_picture_a_price_and_a_button(
    sandbox: httpx.AsyncClient,
) -> None:
    page = await sandbox.get("/")

    articles = elements(page.text, "article")
    assert len(articles) == len(PRODUCTS) == 6
    for article, product in zip(articles, PRODUCTS, strict=True):
        assert f'<h2 id="{product.slug}-name">{product.price.name}</h2>' in article
        assert f'alt="{product.picture}"' in article
        assert f"${product.price.unit_amount_minor / 100:.2f}" in article
        once = product.mode is Mode.PAYMENT
        assert (">Add to cart</button>" in article) is once
        assert (">Subscribe</button>" in article) is not once
        assert PRICES[product.price.id] == product.price


async def test_an_empty_cart_cannot_be_bought(sandbox: httpx.AsyncClient) -> None:
    page = await sandbox.get("/?mug=0&tea=4")

    assert "Your cart is empty" in page.text
    assert ">Buy</button>" not in page.text


async def test_adding_leads_to_the_cart_with_one_more(sandbox: httpx.AsyncClient) -> None:
    page = await sandbox.get(CART)
    (mug,) = [form for form in elements(page.text, "form") if 'name="add" value="mug"' in form]

    added = await sandbox.get("/", params=[*fields(mug), ("add", "mug")])

    assert added.status_code == 303
    assert added.headers["location"] == "/?beans=1&mug=3#mug"


async def test_removing_leads_to_the_cart_without_it(sandbox: httpx.AsyncClient) -> None:
    page = await sandbox.get(CART)
    (form,) = [form for form in elements(page.text, "form") if 'id="remove"' in form]
    assert '<button form="remove" name="remove" value="mug"' in page.text

    removed = await sandbox.get("/", params=[*fields(form), ("remove", "mug")])

    assert removed.status_code == 303
    assert removed.headers["location"] == "/?beans=1#cart"


async def test_an_odd_address_leads_nowhere_else(sandbox: httpx.AsyncClient) -> None:
    added = await sandbox.get("/", params={"add": "//evil.test/\r\nSet-Cookie: a=b"})

    assert added.headers["location"] == "/#cart"


async def test_the_cart_shows_its_quantities_and_its_total(sandbox: httpx.AsyncClient) -> None:
    page = await sandbox.get(CART)

    (cart,) = [each for each in elements(page.text, "section") if 'id="cart"' in each]
    (buy,) = [form for form in elements(cart, "form") if 'id="buy"' in form]
    numbers = re.findall(
        r'type="number" name="quantity" value="(\d+)" min="1" max="(\d+)".*?data-product="(\w+)"',
        buy,
    )
    assert numbers == [("1", str(QUANTITY_MAX), "beans"), ("2", str(QUANTITY_MAX), "mug")]
    # Enter in a field presses the form's first button, which must neither remove nor buy.
    own = [button for button in elements(buy, "button") if "form=" not in button]
    assert ["Update total" in button for button in own] == [True, False]
    assert "$41.00" in cart


async def test_the_carts_own_form_leads_to_the_address_of_what_was_typed(
    sandbox: httpx.AsyncClient,
) -> None:
    page = await sandbox.get(CART)
    (form,) = [form for form in buy_forms(page.text) if ">Buy</button>" in form]
    typed = [(name, "7" if name == "quantity" else value) for name, value in fields(form)]

    updated = await sandbox.get("/", params=urlencode(typed))

    assert updated.status_code == 303
    assert updated.headers["location"] == "/?beans=7&mug=7#cart"


async def test_a_form_with_odd_prices_leads_to_an_empty_cart(sandbox: httpx.AsyncClient) -> None:
    odd = [("price", "price_sandbox_tea"), ("quantity", "1"), ("price", "price_sandbox_mug")]

    page = await sandbox.get("/", params=urlencode(odd))

    assert page.status_code == 200
    assert "Your cart is empty" in page.text


async def test_the_cart_is_bought_with_a_plain_form(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    page = await sandbox.get(CART)

    (form,) = [form for form in buy_forms(page.text) if ">Buy</button>" in form]
    assert f'action="{service.url}/checkout"' in form
    *sent, (number_name, number), (key_name, key) = fields(form)
    assert sent == [
        ("price", "price_sandbox_beans"),
        ("quantity", "1"),
        ("price", "price_sandbox_mug"),
        ("quantity", "2"),
        ("mode", "payment"),
        ("success_url", "http://sandbox.test/thanks"),
        ("cancel_url", "http://sandbox.test/?beans=1&mug=2"),
    ]
    assert number_name == "client_reference_id"
    assert re.fullmatch("order-[0-9]{8}", number)
    assert (key_name, len(key)) == ("idempotency_key", 36)


async def test_a_subscription_is_bought_by_itself(sandbox: httpx.AsyncClient) -> None:
    page = await sandbox.get(CART)

    (form,) = [form for form in buy_forms(page.text) if ">Subscribe</button>" in form]
    assert fields(form)[:3] == [
        ("price", "price_sandbox_club"),
        ("quantity", "1"),
        ("mode", "subscription"),
    ]


@pytest.mark.parametrize("own", ["idempotency_key", "client_reference_id"])
async def test_every_form_of_every_rendering_has_a_key_and_number_of_its_own(
    sandbox: httpx.AsyncClient, own: str
) -> None:
    pages = [(await sandbox.get(CART)).text for _ in range(2)]

    keys = [
        value
        for page in pages
        for form in buy_forms(page)
        for name, value in fields(form)
        if name == own
    ]
    assert len(set(keys)) == len(keys) == 4


async def test_each_way_to_buy_is_shown_as_the_lines_to_copy(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    page = await sandbox.get(CART)

    without_spans = re.sub(r"</?span[^>]*>", "", page.text)
    ways = dict(
        re.findall(r'<pre data-way="(\w+)".*?><code>(.*?)</code>', without_spans, re.DOTALL)
    )
    assert set(ways) == set(re.findall(r'name="way" value="(\w+)"', page.text))
    assert fields(unescape(ways["form"]))[:2] == [
        ("price", "price_sandbox_beans"),
        ("quantity", "1"),
    ]
    for way in ("fetch", "module"):
        assert '{ price: "price_sandbox_mug", quantity: 2 }' in ways[way]
    uuid = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-")  # a real key, which all copies would share
    assert not any(uuid.search(lines) for lines in ways.values())
    assert f'fetch("{service.url}/checkout"' in ways["fetch"]
    assert f'from "{service.url}/checkout.js"' in ways["module"]


async def test_the_shop_may_reach_the_service_and_itself_only(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    page = await sandbox.get(CART)

    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert f"script-src 'self' {service.url};" in policy
    assert f"connect-src {service.url};" in policy
    assert f"form-action 'self' {service.url} http://sandbox.test;" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script>|<style|\sstyle=|\son\w+=", page.text)


@pytest.mark.parametrize("path", [CART, "/sandbox/faults", "/nowhere"])
async def test_every_page_has_its_landmarks_and_loads_what_is_here(
    sandbox: httpx.AsyncClient, path: str
) -> None:
    page = await sandbox.get(path)

    assert len(elements(page.text, "h1")) == len(elements(page.text, "main")) == 1
    assert '<a class="skip" href="#main">' in page.text
    assert "No money moves" in page.text
    links = set(re.findall(r'<a [^>]*href="([^"]+)"', page.text))
    addresses = set(re.findall(r'(?:src|href)="([^"]+)"', page.text)) - links
    assert len(addresses) >= 3
    for address in addresses:
        assert address.startswith("/static/")
        assert (await sandbox.get(address)).status_code == 200


async def test_the_faults_page_has_a_row_and_a_form_for_each_fault(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    page = await sandbox.get("/sandbox/faults")

    assert page.status_code == 200
    rows = elements(page.text, "tr")[1:]
    assert len(rows) == len(FAULTS)
    for row, (price_id, fault) in zip(rows, FAULTS.items(), strict=True):
        assert f"<code>{price_id}</code>" in row
        assert escape(fault.happens, quote=False) in row.replace("&#39;", "'")
        assert f"<code>{fault.status}" in row
        assert f'method="post" action="{service.url}/checkout"' in row
        assert f'name="price" value="{price_id}"' in row
    assert f"form-action 'self' {service.url} " in page.headers["content-security-policy"]


async def test_the_shop_links_to_the_faults(sandbox: httpx.AsyncClient) -> None:
    page = await sandbox.get("/")

    assert '<a href="/sandbox/faults">' in page.text


def test_no_file_asks_for_anything_outside() -> None:
    for path in (SANDBOX / "static").rglob("*.*"):
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "//www" not in text
        assert "http" not in text


@pytest.mark.parametrize(
    ("query", "purchase_id"),
    [
        ("checkout_id=chk_1", "chk_1"),
        ("session_id=cs_test_1", "cs_test_1"),
        ("session_id=cs_test_1&checkout_id=chk_1", "chk_1"),
    ],
)
async def test_a_buyer_who_comes_back_is_led_to_the_services_own_page(
    query: str, purchase_id: str
) -> None:
    config = SandboxConfig(checkout_url="https://checkout.test/base/")

    async with running_sandbox(config) as sandbox:
        answer = await sandbox.get(f"/thanks?{query}")

    assert answer.status_code == 303
    assert answer.headers["location"] == f"https://checkout.test/base/checkout/{purchase_id}/page"


@pytest.mark.parametrize(
    "query", ["", "?checkout_id=", "?checkout_id=a/b", "?session_id=%7BCHECKOUT_SESSION_ID%7D"]
)
async def test_an_address_that_names_no_purchase_is_refused(
    sandbox: httpx.AsyncClient, query: str
) -> None:
    page = await sandbox.get(f"/thanks{query}")

    assert page.status_code == 400
    assert "no purchase in this URL" in page.text
