import re
import socket
from html import escape
from pathlib import Path

import httpx
import pytest
from starlette.responses import Response

from app.sandbox.faults import FAULTS
from app.sandbox.prices import PRICES
from app.sandbox.purchases import WORDINGS
from app.sandbox.server import SandboxConfig

from .neighbours import Service, running_sandbox

STATIC = Path(__file__).parents[2] / "app" / "sandbox" / "static"


async def test_each_product_is_a_plain_form_to_the_service(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    page = await sandbox.get("/")

    forms = re.findall(r"<form.*?</form>", page.text, re.DOTALL)
    assert len(forms) == 4
    for form in forms:
        assert f'method="post" action="{service.url}/checkout"' in form
        assert 'name="success_url" value="http://sandbox.test/thanks"' in form
        assert 'name="cancel_url" value="http://sandbox.test/"' in form
        prices = re.findall(r'name="price" value="(\w+)"', form)
        assert prices
        assert set(prices) <= set(PRICES)
        assert form.count('name="quantity"') == len(prices)
    assert sum('name="mode" value="subscription"' in form for form in forms) == 1
    assert "$14.50" in page.text


async def test_the_shop_may_reach_the_service_and_itself_only(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    page = await sandbox.get("/")

    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert f"connect-src {service.url};" in policy
    assert f"form-action 'self' {service.url} http://sandbox.test;" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script>|<style|\sstyle=|\son\w+=", page.text)


async def test_all_that_the_pages_load_is_served_here(sandbox: httpx.AsyncClient) -> None:
    page = await sandbox.get("/")

    links = set(re.findall(r'<a href="([^"]+)"', page.text))
    addresses = set(re.findall(r'(?:src|href)="([^"]+)"', page.text)) - links
    assert addresses
    for address in addresses:
        assert address.startswith("/static/")
        assert (await sandbox.get(address)).status_code == 200


async def test_the_faults_page_has_a_row_and_a_form_for_each_fault(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    page = await sandbox.get("/sandbox/faults")

    assert page.status_code == 200
    rows = re.findall(r"<tr>.*?</tr>", page.text, re.DOTALL)[1:]
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
    for path in STATIC.rglob("*.*"):
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "//www" not in text
        assert "http" not in text


@pytest.mark.parametrize("status", list(WORDINGS))
async def test_the_thanks_page_tells_the_true_status(
    sandbox: httpx.AsyncClient, service: Service, status: str
) -> None:
    service.tell(
        "chk_1",
        {"status": status, "amount_total": 123450, "currency": "usd", "session_id": "cs_test_1"},
    )

    page = await sandbox.get("/thanks", params={"checkout_id": "chk_1", "session_id": "cs_test_1"})

    assert page.status_code == 200
    assert f'<code id="status">{status}</code>' in page.text
    assert WORDINGS[status].title in page.text
    assert "$1,234.50" in page.text
    assert 'href="/c/pay/cs_test_1"' in page.text
    assert ('http-equiv="refresh"' in page.text) == (status in ("open", "processing"))


async def test_without_a_checkout_id_the_session_id_is_asked_for(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    service.tell("cs_test_1", {"status": "open", "amount_total": None, "currency": None})

    page = await sandbox.get("/thanks", params={"session_id": "cs_test_1"})

    assert "Almost there" in page.text
    assert "Amount" not in page.text


async def test_a_purchase_that_the_service_does_not_know_is_not_thanked_for(
    sandbox: httpx.AsyncClient,
) -> None:
    page = await sandbox.get("/thanks", params={"checkout_id": "chk_x"})

    assert "We do not know this purchase" in page.text
    assert 'http-equiv="refresh"' not in page.text


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"[]", b'{"status": "delivered"}', b'{"status": []}', b" " * 100_000],
)
async def test_an_answer_that_makes_no_sense_is_asked_for_again(
    sandbox: httpx.AsyncClient, service: Service, content: bytes
) -> None:
    service.statuses["chk_1"] = Response(content)

    page = await sandbox.get("/thanks", params={"checkout_id": "chk_1"})

    assert "One moment" in page.text
    assert 'http-equiv="refresh"' in page.text


async def test_where_the_browsers_address_leads_nowhere_the_webhooks_is_tried(
    service: Service,
) -> None:
    service.tell("chk_1", {"status": "paid"})
    config = SandboxConfig(checkout_url=closed_url(), webhook_url=f"{service.url}/webhooks/stripe")

    async with running_sandbox(config) as sandbox:
        page = await sandbox.get("/thanks", params={"checkout_id": "chk_1"})

    assert "Thank you!" in page.text


async def test_a_service_that_is_down_is_asked_again() -> None:
    config = SandboxConfig(checkout_url=closed_url(), webhook_url=closed_url())

    async with running_sandbox(config) as sandbox:
        page = await sandbox.get("/thanks", params={"checkout_id": "chk_1"})

    assert "One moment" in page.text
    assert 'http-equiv="refresh"' in page.text


@pytest.mark.parametrize(
    "query", ["", "?checkout_id=", "?checkout_id=a/b", "?session_id=%7BCHECKOUT_SESSION_ID%7D"]
)
async def test_an_address_that_names_no_purchase_is_refused(
    sandbox: httpx.AsyncClient, query: str
) -> None:
    page = await sandbox.get(f"/thanks{query}")

    assert page.status_code == 400
    assert "names no purchase" in page.text


def closed_url() -> str:
    """An address at which nobody listens any more."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
