"""Clients generated from /openapi.json: without warnings, and they work."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from sandbox.server import SandboxConfig, create_sandbox
from tests.support.builders import ACCOUNT, serving
from tests.support.processes import running_process

PYTHON_TOOL: Final = Path(sys.prefix) / "clients" / "bin"
NODE_TOOL: Final = Path(__file__).parent / "node_modules" / ".bin"

USE_PYTHON: Final = """
import json, sys
from shop_client import Client
from shop_client.api.checkout import start_checkout
from shop_client.api.payments import get_payment
from shop_client.models import Cart, LineItem, Mode

client = Client(base_url=sys.argv[1], headers={"Accept": "application/json"})
cart = Cart(line_items=[LineItem(price="price_A", quantity=2)], mode=Mode.PAYMENT)
checkout = start_checkout.sync(client=client, body=cart, idempotency_key="order-1")
payment = get_payment.sync(checkout.checkout_id, client=client)
problem = start_checkout.sync(client=client, body=Cart(line_items=[]))
unknown = get_payment.sync("chk_unknown", client=client)
print(json.dumps({
    "checkout": [type(checkout).__name__, checkout.checkout_id],
    "payment": [type(payment).__name__, payment.checkout_id, payment.status.value],
    "refused": [type(problem).__name__, problem.code, problem.errors[0].pointer],
    "unknown": [type(unknown).__name__, unknown.code],
}))
"""

USE_TYPESCRIPT: Final = """
import type { components, operations } from "./api";

type Payment = operations["getPayment"]["responses"][200]["content"]["application/json"];
export const cart: components["schemas"]["Cart"] = {
  line_items: [{ price: "price_A", quantity: 2 }],
};
export const isPaid = (payment: Payment): boolean => payment.status === "paid";
// @ts-expect-error this status does not exist
export const isWrong = (payment: Payment): boolean => payment.status === "no_such_status";
"""


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    config = SandboxConfig(stripe_connect_id=ACCOUNT)
    async with (
        serving(create_sandbox(config)) as altan_pay,
        running_process(
            tmp_path,
            ALTAN_PAY_URL=str(altan_pay.base_url).rstrip("/"),
            CHECKOUT_URL_HOSTS="localhost:9000",
        ) as running,
    ):
        yield running.service.client


async def run(folder: Path, tool: Path, *words: str) -> str:
    """What the tool prints; the test fails where the tool does."""
    if not tool.exists():  # noqa: ASYNC240 nothing else runs on this loop
        pytest.fail(f"{tool} is missing; `make unit` installs it.", pytrace=False)
    process = await asyncio.create_subprocess_exec(
        *(str(tool), *words),
        cwd=folder,
        env={"PATH": f"{tool.parent}:{os.environ['PATH']}", "HOME": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-4000:]
    return output.decode()


async def save_document(service: httpx.AsyncClient, folder: Path) -> None:
    (folder / "openapi.json").write_bytes((await service.get("/openapi.json")).content)


async def test_a_generated_python_client_starts_a_checkout_and_reads_its_payment(
    service: httpx.AsyncClient, tmp_path: Path
) -> None:
    await save_document(service, tmp_path)
    await run(
        *(tmp_path, PYTHON_TOOL / "openapi-python-client", "generate", "--fail-on-warning"),
        *("--path", "openapi.json", "--meta", "none", "--output-path", "shop_client"),
    )

    (tmp_path / "use.py").write_text(USE_PYTHON)
    printed = await run(tmp_path, PYTHON_TOOL / "python", "use.py", str(service.base_url))

    told: dict[str, Any] = json.loads(printed)
    checkout_id = told["checkout"][1]
    assert checkout_id.startswith("chk_")
    assert told == {
        "checkout": ["Checkout", checkout_id],
        "payment": ["Payment", checkout_id, "open"],
        "refused": ["Problem", "invalid_cart", "/line_items"],
        "unknown": ["Problem", "not_found"],
    }


async def test_generated_typescript_types_are_strict_and_describe_the_payment(
    service: httpx.AsyncClient, tmp_path: Path
) -> None:
    await save_document(service, tmp_path)
    await run(tmp_path, NODE_TOOL / "openapi-typescript", "openapi.json", "-o", "api.d.ts")

    (tmp_path / "use.ts").write_text(USE_TYPESCRIPT)
    await run(tmp_path, NODE_TOOL / "tsc", "--noEmit", "--strict", "api.d.ts", "use.ts")
