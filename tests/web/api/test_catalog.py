"""A catalog with the whole service: what is refused, expected and flagged."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import orjson
import pytest

from tests.support.builders import (
    DEADLINE_S,
    SESSION_ID,
    Service,
    event,
    service_in_process,
    session,
    settings,
    until,
)
from tests.support.builders import query as rows_of
from tests.support.processes import running_process
from tests.support.wire import answer, closed_port, upstream

CATALOG = """
[[price]]
id = "price_mug"
max_quantity = 5
unit_amount_minor = 1250
currency = "eur"

[[price]]
id = "price_gift"

[[price]]
id = "price_club"
mode = "subscription"

[[price]]
id = "price_box"
mode = "subscription"
unit_amount_minor = 1900
currency = "eur"

[[price]]
id = "price_setup"
mode = "subscription"
recurring = false
unit_amount_minor = 500
currency = "eur"
"""
GOOD = answer(orjson.dumps({"url": f"https://checkout.stripe.com/c/pay/{SESSION_ID}"}))
NAMELESS = answer(orjson.dumps({"url": "https://checkout.stripe.com/c/pay/elsewhere"}))


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def catalog_path(tmp_path: Path) -> Path:
    path = tmp_path / "catalog.toml"
    write(path, CATALOG)
    return path


@asynccontextmanager
async def shop(
    database_path: Path, catalog_path: Path, page: bytes = GOOD
) -> AsyncIterator[Service]:
    async with upstream(page) as altan_pay:
        changes = {"altan_pay_url": altan_pay.url, "catalog_file": catalog_path}
        async with service_in_process(settings(database_path.parent, **changes)) as service:
            yield service


async def success_url(service: Service, checkout_id: str) -> str:
    """A checkout's own: as if it had been started by a version that had no secrets."""
    rows_of(service.database_path, "UPDATE checkouts SET key_digest = NULL")
    return f"https://shop.example/?checkout_id={checkout_id}"


async def buy(
    client: httpx.AsyncClient, price: str = "price_mug", quantity: int = 2
) -> httpx.Response:
    cart = {"line_items": [{"price": price, "quantity": quantity}]}
    return await client.post("/checkout", json=cart, headers={"Accept": "application/json"})


async def mismatches(service: Service) -> float:
    """How often the owner was told of one."""
    metrics = (await service.client.get("/metrics")).text
    line = 'altan_checkout_alerts_total{name="price_mismatch"} '
    return float(metrics.partition(line)[2].partition("\n")[0])


def is_marked(service: Service) -> bool:
    (payment,) = rows_of(service.database_path, "SELECT price_mismatch FROM payments")
    return bool(payment["price_mismatch"])


async def test_what_is_not_for_sale_is_refused_and_altan_pay_is_not_asked(
    database_path: Path, catalog_path: Path
) -> None:
    changes = {"altan_pay_url": f"http://127.0.0.1:{closed_port()}", "catalog_file": catalog_path}
    cart = {
        "payload": {
            "line_items": [
                {"price": "price_mug", "quantity": 3},
                {"price": "price_X", "quantity": 1},
                {"price": "price_mug", "quantity": 3},
                {"price": "price_club", "quantity": 1},
            ]
        }
    }

    async with service_in_process(settings(database_path.parent, **changes)) as service:
        refused = await service.client.post("/checkout", json=cart)

    assert (refused.status_code, refused.json()["code"]) == (422, "price_not_for_sale")
    assert refused.json()["errors"] == [
        {"pointer": "/payload/line_items/0/quantity", "detail": "must be at most 5"},
        {"pointer": "/payload/line_items/1/price", "detail": "is not for sale here"},
        {"pointer": "/payload/line_items/3/price", "detail": "is sold in subscription mode only"},
    ]


@pytest.mark.parametrize(
    ("price", "expected"), [("price_mug", (2500, "eur")), ("price_gift", (None, None))]
)
async def test_what_a_cart_is_expected_to_cost_is_kept_with_its_checkout(
    database_path: Path, catalog_path: Path, price: str, expected: tuple[int | None, str | None]
) -> None:
    async with shop(database_path, catalog_path) as service:
        await buy(service.client, price)

    (row,) = rows_of(database_path, "SELECT * FROM checkouts")
    assert (row["expected_subtotal_minor"], row["expected_currency"]) == expected


@pytest.mark.parametrize("page", [GOOD, NAMELESS], ids=["session known", "session unknown"])
@pytest.mark.parametrize(
    "paid",
    [
        {"amount_subtotal": 1, "currency": "eur"},
        {"amount_subtotal": 2500, "currency": "usd"},
        {"amount_subtotal": 2499, "currency": None},
        {"amount_subtotal": None, "currency": "usd"},
    ],
    ids=["amount", "currency", "amount alone", "currency alone"],
)
async def test_a_payment_of_something_else_is_flagged_and_alerts_once(
    database_path: Path, catalog_path: Path, page: bytes, paid: dict[str, object]
) -> None:
    async with shop(database_path, catalog_path, page) as service:
        checkout_id = (await buy(service.client)).json()["checkout_id"]
        subject = session(
            success_url=await success_url(service, checkout_id),
            **{"amount_total": None, **paid},
        )
        for id_ in ("evt_1", "evt_1", "evt_2"):
            recorded = await service.deliver(event(id=id_, subject=subject))
            assert recorded.status_code == 200
        again = event("checkout.session.async_payment_succeeded", subject, id="evt_3", created=1)
        await service.deliver(again)

        assert is_marked(service)
        assert await mismatches(service) == 1
        status = await service.client.get(f"/checkout/{checkout_id}")
        assert status.json()["status"] == ("paid" if page is GOOD else "open")
        by_session = await service.client.get(f"/checkout/{SESSION_ID}")
        assert by_session.json()["status"] == "paid"


@pytest.mark.parametrize(
    ("price", "paid"),
    [
        ("price_mug", {"amount_subtotal": 2500, "currency": "eur", "amount_total": 2975}),
        ("price_mug", {"amount_subtotal": None, "currency": None}),
        ("price_mug", {"amount_subtotal": "2500", "currency": "eur"}),
        ("price_gift", {"amount_subtotal": 7, "currency": "usd"}),
    ],
    ids=["equal, with tax", "nothing known of the session", "odd amount", "no amount listed"],
)
async def test_there_is_no_false_alarm(
    database_path: Path, catalog_path: Path, price: str, paid: dict[str, object]
) -> None:
    async with shop(database_path, catalog_path) as service:
        await buy(service.client, price)
        for id_ in ("evt_1", "evt_1"):
            await service.deliver(event(id=id_, subject=session(**paid)))

        assert not is_marked(service)
        assert await mismatches(service) == 0


@pytest.mark.parametrize("page", [GOOD, NAMELESS], ids=["session known", "session unknown"])
@pytest.mark.parametrize(
    ("subtotal", "is_mismatch"), [(500, False), (2400, False), (0, True), (1900, True)]
)
async def test_in_a_trial_a_one_time_fee_is_no_other_price(
    database_path: Path, catalog_path: Path, page: bytes, subtotal: int, *, is_mismatch: bool
) -> None:
    items = [{"price": price, "quantity": 1} for price in ("price_box", "price_setup")]
    async with shop(database_path, catalog_path, page) as service:
        started = await service.client.post(
            "/checkout",
            json={"line_items": items, "mode": "subscription"},
            headers={"Accept": "application/json"},
        )
        checkout_id = started.json()["checkout_id"]
        subject = session(
            mode="subscription",
            amount_subtotal=subtotal,
            currency="eur",
            success_url=await success_url(service, checkout_id),
        )
        await service.deliver(event(subject=subject))

        assert is_marked(service) is is_mismatch
        status = (await service.client.get(f"/checkout/{checkout_id}")).json()["status"]
        assert status == ("open" if is_mismatch and page is NAMELESS else "paid")


async def test_a_session_that_we_did_not_start_is_never_a_mismatch(
    database_path: Path, catalog_path: Path
) -> None:
    async with shop(database_path, catalog_path) as service:
        await buy(service.client)
        stranger = session(id="cs_test_b2", amount_subtotal=1)
        await service.deliver(event(subject=stranger))

        assert not is_marked(service)


async def test_a_broken_catalog_stops_the_start_with_one_line(
    tmp_path: Path, catalog_path: Path
) -> None:
    write(catalog_path, '[[price]]\nid = "prod_x"\n')
    with pytest.raises(AssertionError) as ended:
        async with running_process(tmp_path, CATALOG_FILE=str(catalog_path)):
            pass

    assert f"CATALOG_FILE is wrong: {catalog_path}: [[price]] number 1: id must be" in str(
        ended.value
    )


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_the_exit_code_of_a_broken_catalog_is_that_of_a_wrong_setting(
    tmp_path: Path, command: str
) -> None:
    ended = subprocess.run(  # noqa: S603 our own program
        [sys.executable, "-m", "app", command],
        env={
            "PATH": "",
            "ALTAN_ACCOUNT_ID": "a",
            "ALTAN_STRIPE_CONNECT_ID": "acct_1",
            "STRIPE_WEBHOOK_SECRETS": "whsec_12345678",
            "APP_URL": "https://shop.example",
            "DATABASE_URL": f"sqlite:///{tmp_path / 'checkout.db'}",
            "CATALOG_FILE": str(tmp_path / "none.toml"),
        },
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S * 3,
    )

    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("CATALOG_FILE is wrong: ")


@pytest.mark.skipif(sys.platform == "win32", reason="SIGHUP is a POSIX affair")
async def test_sighup_reads_the_catalog_again(tmp_path: Path, catalog_path: Path) -> None:
    async with (
        upstream(GOOD) as altan_pay,
        running_process(
            tmp_path, ALTAN_PAY_URL=altan_pay.url, CATALOG_FILE=str(catalog_path)
        ) as running,
    ):
        before = await buy(running.service.client, "price_new")
        write(catalog_path, '[[price]]\nid = "price_new"\n')
        running.process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(1.5):  # sooner than it would have been found by looking
            await until(lambda: any("catalog_read" in line for line in running.lines))
        after = await buy(running.service.client, "price_new")

    assert (before.status_code, after.status_code) == (422, 200)
