"""What the success page allows a browser to do, and the effect of the shop's settings."""

import hashlib
import re
from base64 import b64encode
from pathlib import Path
from urllib.parse import urljoin

import pytest

from tests.support.builders import CHECKOUT_ID, Service, service_in_process, settings
from tests.web.api.test_status import keep_checkout

PAGE = f"/checkout/{CHECKOUT_ID}/page"
SCRIPT = re.compile(r'<script type="module" src="([^"]+)"></script>')
NAMES = ["Mugs & <b>More</b>", "\"'><script>alert(1)</script>", "100 %(status)s {{ id }}", "🏺"]


async def page_of(database_path: Path, **changes: object) -> str:
    """The page of an open checkout, in a shop with these settings."""
    async with service_in_process(settings(database_path.parent, **changes)) as service:
        keep_checkout(service.database_path)
        answer = await service.client.get(PAGE)
        return answer.text


@pytest.fixture
def shop(local_service: Service) -> Service:
    keep_checkout(local_service.database_path)
    return local_service


async def test_nothing_runs_or_loads_but_its_own_script_and_style(shop: Service) -> None:
    answer = await shop.client.get(PAGE)

    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert answer.headers["content-security-policy"].split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "script-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
    assert len(re.findall("<script", answer.text)) == len(SCRIPT.findall(answer.text)) == 1
    assert not re.search(r"""\son\w+=|\sstyle=|@import|url\((?!\))|<img|<iframe""", answer.text)


async def test_it_is_neither_kept_nor_found_by_searching_nor_tells_where_it_was(
    shop: Service,
) -> None:
    headers = (await shop.client.get(PAGE)).headers

    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    assert headers["x-robots-tag"] == "noindex"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"


async def test_its_script_may_be_kept_for_ever_under_the_address_in_the_page(
    shop: Service,
) -> None:
    (source,) = SCRIPT.findall((await shop.client.get(PAGE)).text)

    script = await shop.client.get(urljoin(PAGE, source))

    assert script.status_code == 200
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert script.headers["x-content-type-options"] == "nosniff"
    assert "watchCheckout" in script.text


@pytest.mark.parametrize("query", ["", "?v=of_another_version"])
async def test_a_page_of_another_version_gets_the_script_but_may_not_keep_it(
    shop: Service, query: str
) -> None:
    script = await shop.client.get(f"/checkout/page.js{query}")

    assert (script.status_code, script.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize("name", NAMES)
async def test_a_shops_name_is_always_escaped(database_path: Path, name: str) -> None:
    html = await page_of(database_path, shop_name=name)

    escaped = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = escaped.replace('"', "&#34;").replace("'", "&#39;")
    assert f'<p class="shop">{escaped}</p>' in html
    assert f">Back to {escaped}</a>" in html
    assert f" \N{EN DASH} {escaped}</title>" in html


async def test_the_shops_color_is_the_pages(database_path: Path) -> None:
    html = await page_of(database_path, brand_color="#FFF7D6")

    assert "--brand: #fff7d6; --on-brand: #000000; --accent: var(--ink);" in html
