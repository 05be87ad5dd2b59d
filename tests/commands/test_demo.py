"""The output of `altan-checkout demo`, and that it is true."""

import os
import re
import shlex
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from app.adapters.catalog_file import load_catalog
from app.commands.demo import DATABASE_NAME, database_url
from app.domain.checkout.cart import Mode
from app.domain.checkout.catalog import CatalogPrice
from app.domain.money import Money
from sandbox.shop.prices import PRICES
from sandbox.shop.products import CATALOG_PATH
from tests.support.builders import ROOT
from tests.support.docs.running import PROGRAM, free_ports, running

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo, and its words."""

    words: str
    folder: Path
    service_url: str
    shop_url: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    port, sandbox_port = free_ports(2)
    command = (*PROGRAM, "demo", "--port", str(port), "--sandbox-port", str(sandbox_port))
    with running(command, folder=folder, env=ENVIRONMENT, until="Ctrl-C") as words:
        service_url, shop_url = f"http://localhost:{port}", f"http://localhost:{sandbox_port}"
        yield Demo(words, folder / "data", service_url, shop_url)


def test_it_says_where_to_go_what_to_do_and_how_to_end_it(demo: Demo) -> None:
    assert f"Open   {demo.shop_url}\n" in demo.words
    assert re.findall(r"^  (\d)  [A-Z].*\.$", demo.words, re.MULTILINE) == ["1", "2", "3"]
    assert f"The service    {demo.service_url}/docs\n" in demo.words
    assert demo.words.endswith("No money moves. Press Ctrl-C to stop everything.\n")


def test_it_is_calm(demo: Demo) -> None:
    """No log, no colors where nobody sees them, and nothing wider than the smallest window."""
    lines = demo.words.splitlines()

    assert lines[:2] == ["", "altan-checkout demo: a shop, its checkout, and a simulated Stripe"]
    assert "\x1b" not in demo.words
    own = [line.replace(str(demo.folder), "").replace(PROGRAM[0], "") for line in lines]
    assert max(map(len, own)) <= 80


def test_the_addresses_answer_and_the_database_is_there(demo: Demo) -> None:
    for address in re.findall(r"http://localhost:\S+", demo.words):
        assert httpx.get(address, trust_env=False).status_code == 200
    (database,) = re.findall(r"^The database   (.+)$", demo.words, re.MULTILINE)
    assert Path(database) == demo.folder / "demo.db"
    assert Path(database).exists()


def test_its_order_desk_reads_the_orders_with_a_token_of_its_own(demo: Demo) -> None:
    cart = {"line_items": [{"price": "price_sandbox_mug", "quantity": 2}]}
    with httpx.Client(trust_env=False, headers={"Accept": "application/json"}) as client:
        bought = client.post(
            f"{demo.service_url}/checkout", json=cart | {"client_reference_id": "order-42"}
        ).json()
        client.post(f"{demo.shop_url}/sandbox/sessions/{bought['session_id']}/pay")
        page = client.get(f"{demo.shop_url}/sandbox/orders")
        bare = client.get(f"{demo.service_url}/orders")

    assert f"The orders     {demo.shop_url}/sandbox/orders\n" in demo.words
    assert (page.status_code, bare.status_code) == (200, 401)
    assert f'<a href="/c/pay/{bought["session_id"]}">Stoneware mug \u00d7 2</a>' in page.text
    assert "<span>order-42 \u00b7 paid \u00b7 " in page.text  # then the buyer


def test_its_success_page_names_what_was_bought(demo: Demo) -> None:
    cart = {"line_items": [{"price": "price_sandbox_mug", "quantity": 2}]}
    with httpx.Client(trust_env=False, headers={"Accept": "application/json"}) as client:
        bought = client.post(f"{demo.service_url}/checkout", json=cart).json()
        page = client.get(f"{demo.service_url}/checkout/{bought['checkout_id']}/page")

    assert "<li>2 \N{MULTIPLICATION SIGN} Stoneware mug</li>" in page.text


def test_its_catalog_lists_the_shops_prices_and_allows_others() -> None:
    catalog = load_catalog(CATALOG_PATH)

    assert catalog.allows_others
    assert catalog.prices == {
        price.id: CatalogPrice(
            id=price.id,
            mode=Mode.SUBSCRIPTION if price.interval else Mode.PAYMENT,
            recurs=price.interval is not None,
            name=price.name,
            unit=Money(amount_minor=price.unit_amount_minor, currency=price.currency),
        )
        for price in PRICES.values()
    }


def test_its_database_url_is_known_without_a_demo_and_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "nowhere"

    assert database_url(folder) == f"sqlite:///{folder}/{DATABASE_NAME}"
    assert not folder.exists()


def test_the_command_that_it_prints_follows_the_events_from_any_folder(
    demo: Demo, tmp_path: Path
) -> None:
    (command,) = re.findall(r"^  (.+ events tail .+)$", demo.words, re.MULTILINE)
    with subprocess.Popen(  # noqa: S603 our own program
        shlex.split(command), cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    ) as process:
        too_late = threading.Timer(DEADLINE_S, process.kill)
        too_late.start()
        assert process.stdout

        buy_a_mug(demo)

        shown = process.stdout.readline()
        too_late.cancel()
        process.terminate()
    assert "payment_intent.created" in shown


@pytest.mark.parametrize(
    "origin", ["http://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:8080"]
)
def test_a_page_of_this_machine_may_buy_and_have_its_buyers_back(demo: Demo, origin: str) -> None:
    asked = preflight(demo, origin)
    bought = post_form(demo, origin, success_url=f"{origin}/thanks")

    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, origin)
    assert bought.status_code == 303
    assert bought.headers["location"].startswith(demo.shop_url)
    assert "any port on http://localhost, http://127.0.0.1 and http://[::1]\n" in demo.words


def test_a_page_elsewhere_may_not(demo: Demo) -> None:
    origin = "http://shop.test:5173"

    assert preflight(demo, origin).status_code == 400
    assert post_form(demo, origin).status_code == 403
    assert post_form(demo, demo.shop_url, success_url=f"{origin}/thanks").status_code == 422


def test_a_page_elsewhere_may_buy_if_the_demo_allows_its_origin(tmp_path: Path) -> None:
    origin = "https://shop.test"
    port, sandbox_port = free_ports(2)
    ports = ("--port", str(port), "--sandbox-port", str(sandbox_port))
    command = (*PROGRAM, "demo", *ports, "--allow-origin", f"{origin}/")

    with running(command, folder=tmp_path, env=ENVIRONMENT, until="Ctrl-C") as words:
        demo = Demo(words, tmp_path, f"http://localhost:{port}", f"http://localhost:{sandbox_port}")
        assert f"\n  {origin}\n" in words
        assert preflight(demo, origin).status_code == 200
        assert post_form(demo, origin, success_url=f"{origin}/thanks").status_code == 303
        assert post_form(demo, "https://other.test").status_code == 403


@pytest.mark.parametrize("origin", ["shop.test", "https://shop.test/thanks", "*", "any-loopback"])
def test_what_is_no_origin_is_refused_before_anything_starts(tmp_path: Path, origin: str) -> None:
    ended = subprocess.run(  # noqa: S603 our own program
        (*PROGRAM, "demo", "--allow-origin", origin),
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )

    assert ended.returncode == 2
    assert "--allow-origin" in ended.stderr
    assert not list(tmp_path.iterdir())


def preflight(demo: Demo, origin: str) -> httpx.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,idempotency-key",
    }
    return httpx.options(f"{demo.service_url}/checkout", headers=headers, trust_env=False)


def post_form(demo: Demo, origin: str, **fields: str) -> httpx.Response:
    form = {"price": "price_sandbox_mug", "quantity": "1", **fields}
    return httpx.post(
        f"{demo.service_url}/checkout", data=form, headers={"Origin": origin}, trust_env=False
    )


def test_who_buys_with_the_readmes_line_and_pays_by_hand_is_thanked(demo: Demo) -> None:
    session_id = buy_a_mug(demo)

    with httpx.Client(trust_env=False, follow_redirects=True) as buyer:
        session = buyer.get(f"{demo.shop_url}/sandbox/sessions/{session_id}").json()
        page = buyer.get(session["return_url"], headers={"Accept": "text/html"})
    assert "Thank you" in page.text


@pytest.mark.parametrize("fate", ["lose", "unmake"])
def test_an_event_that_never_comes_is_healed_within_seconds(demo: Demo, fate: str) -> None:
    session_id = buy_a_mug(demo, withhold=True)
    payment, sandbox = f"{demo.service_url}/checkout/{session_id}", f"{demo.shop_url}/sandbox"
    with httpx.Client(trust_env=False, timeout=DEADLINE_S) as client:
        before = client.get(payment).json()["status"]
        for event in client.get(f"{sandbox}/deliveries").json()["events"]:
            if event["session_id"] == session_id:
                client.post(f"{sandbox}/deliveries/{event['event_id']}/{fate}").raise_for_status()
        healed = client.get(payment, params={"wait": 25}).json()["status"]

    assert (before, healed) == ("open", "paid")


def buy_a_mug(demo: Demo, *, withhold: bool = False) -> str:
    """The id of its session."""
    cart = {"line_items": [{"price": "price_sandbox_mug", "quantity": 1}]}
    with httpx.Client(trust_env=False, headers={"Accept": "application/json"}) as client:
        started = client.post(f"{demo.service_url}/checkout", json=cart)
        session_id = started.raise_for_status().json()["session_id"]
        pay = f"{demo.shop_url}/sandbox/sessions/{session_id}/pay"
        client.post(pay, json={"withhold": withhold}).raise_for_status()
    return str(session_id)
