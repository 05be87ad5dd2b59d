"""docs/api.md's example of an order is what the demo answers for such an order."""

import asyncio
import json
import re
from typing import Any

import httpx

from app.web.api.order_schema import ORDER
from tests.support.docs.documents import ROOT, marked, table
from tests.support.docs.running import Demo

WAIT_S = 30.0


async def test_the_example_of_an_order_is_true(demo: Demo) -> None:
    (example,) = marked("json", "order", path=ROOT / "docs/api.md")
    shown = json.loads(example.text)
    cart = {name: shown[name] for name in ("line_items", "client_reference_id")}
    token = {"Authorization": f"Bearer {demo.api_token}"}

    async with httpx.AsyncClient(trust_env=False, headers=token) as client, asyncio.timeout(WAIT_S):
        bought = (await client.post(f"{demo.service_url}/checkout", json=cart)).json()
        session = f"{demo.shop_url}/sandbox/sessions/{bought['session_id']}"
        await client.post(f"{session}/pay")
        await client.post(f"{session}/refund", json={"amount": shown["amount_refunded"]})
        address, order = f"{demo.service_url}/orders/{bought['checkout_id']}", dict[str, Any]()
        while not is_settled(order):
            order = (await client.get(address)).json()
            await asyncio.sleep(0.05)

    assert abridged(order) | {"version": 26} == shown


def test_each_field_of_an_order_has_its_meaning() -> None:
    rows = table(ROOT / "docs/api.md", "Orders", "field").rows
    names = [name for row in rows for name in re.findall(r"`(\w+)`", row[0])]

    assert sorted(names) == sorted(ORDER["properties"])


def is_settled(order: dict[str, Any]) -> bool:
    """Whether it is refunded, and its line items were read."""
    return (
        order.get("status") == "partially_refunded" and order.get("line_items_source") == "stripe"
    )


def abridged(value: Any) -> Any:  # noqa: ANN401 any JSON
    """The document with ids and times as the documentation writes them."""
    if isinstance(value, dict):
        return {name: abridged(each) for name, each in value.items()}
    if isinstance(value, list):
        return [abridged(each) for each in value]
    if not isinstance(value, str):
        return value
    value = re.sub(r"^(chk_|cs_test_|pi_|re_)\w+$", r"\1…", value)
    return re.sub(r"^\d{4}-.+Z$", "…Z", value)
