"""The sandbox's faulty prices, bought through the service, as in the demo."""

import re
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sandbox.altan_pay.faults import FAULTS
from tests.support.builders import until
from tests.support.faults.service import ROOT, Service, machine, running_service
from tests.support.ports import free_port, is_listening

TIMEOUT_S = 3.0
MARGIN_S = 30.0
SANDBOX_ACCOUNT_ID = "00000000-0000-4000-8000-000000000000"
FAULT_COLUMN = re.compile(r"^\| `(price_fault_\w+)` \|(.*)$", re.MULTILINE)


@asynccontextmanager
async def running_sandbox() -> AsyncIterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = await create_subprocess_exec(
        *(sys.executable, "-m", "app", "sandbox", "--port", str(port), "--public-url", url),
        env={**machine(), "PYTHONPATH": str(ROOT)},
        stdout=PIPE,
        stderr=STDOUT,
    )
    try:
        await until(lambda: is_listening(port) or process.returncode is not None)
        yield url
    finally:
        process.terminate()
        said, _ = await process.communicate()
    assert said == b"", said.decode()  # no fault was a defect of the sandbox's own


@pytest.fixture(scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    async with (
        running_sandbox() as url,
        running_service(
            folder,
            altan_pay_url=url,
            timeout_s=TIMEOUT_S,
            ALTAN_ACCOUNT_ID=SANDBOX_ACCOUNT_ID,
            ALTAN_STRIPE_CONNECT_ID="acct_sandbox",
            CHECKOUT_URL_HOSTS=url.removeprefix("http://") + ",checkout.stripe.com",
        ) as service,
    ):
        yield service


@pytest.mark.parametrize("price", FAULTS)
async def test_a_faulty_price_shows_the_buyer_what_its_row_says(
    service: Service, price: str
) -> None:
    fault = FAULTS[price]

    answered = await service.buy(price, accept="text/html")

    assert answered.status == fault.status
    assert answered.seconds < TIMEOUT_S + MARGIN_S
    lines = await service.lines_of(answered.request_id)
    assert lines[-1].get("code") == fault.code
    assert {line["event"] for line in lines} <= {"altan_pay_call_failed", "alert", "request"}
    for _ in range(2):  # two good ones for each bad one: the breaker stays closed
        assert (await service.buy("price_sandbox_mug")).status == 200


def test_every_faulty_price_has_its_row_in_the_documentation() -> None:
    rows = dict(FAULT_COLUMN.findall((ROOT / "docs" / "faults.md").read_text()))

    assert list(rows) == list(FAULTS)
    for price, fault in FAULTS.items():
        happens, buyer, *rest = (cell.strip() for cell in rows[price].strip(" |").split("|"))
        assert happens == fault.happens
        assert buyer == (f"{fault.status} `{fault.code}`" if fault.code else str(fault.status))
        assert len(rest) == 2, price
        assert all(rest), price


def test_every_fault_without_a_price_has_its_row_too() -> None:
    text = (ROOT / "docs" / "faults.md").read_text()

    for name in ("refused", "before the request", "wrong certificate", "does not resolve", "down"):
        assert name in text, name
