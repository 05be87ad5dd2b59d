"""docs/fulfil.md's code for a shop's server: it starts a checkout once, and delivers once."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.builders import event
from tests.support.docs.shop_server import ShopServer, run, running_shop_server, write_files
from tests.support.stripe_objects import review
from tests.support.wire import answer, upstream

pytestmark = pytest.mark.anyio
ITEMS = """[{"price": "price_B", "quantity": 1}, {"price": "price_A", "quantity": 1},
    {"quantity": 1, "price": "price_A"}]"""  # they come back merged
OTHERS = '[{"price": "price_A", "quantity": 2}]'
KEY = "0b7e2a52-6a5f-4f5a-9d0e-2f3c1f1b7a11"
WORK = "import worker; worker.deliver_waiting()"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ShopServer]:
    async with running_shop_server(tmp_path) as server:
        yield server


async def start(server: ShopServer, number: str = "order-7") -> str:
    printed = await server.python(f"import shop; print(shop.start('{number}', {ITEMS}))")
    return printed.strip()


async def hand_over(server: ShopServer, number: str) -> None:
    """Put an order into `to_deliver`, as the receiver and the feed do."""
    id_ = (await server.order(number))["id"]
    server.sql("CREATE TABLE IF NOT EXISTS to_deliver (order_id TEXT PRIMARY KEY)")
    server.sql("INSERT OR IGNORE INTO to_deliver VALUES (?)", id_)


def waiting(server: ShopServer) -> int:
    return len(server.sql("SELECT order_id FROM to_deliver"))


@pytest.mark.parametrize("language", ["python", "js"])
async def test_the_code_passes_a_paid_order_with_its_own_number_and_items_alone(
    server: ShopServer, language: str
) -> None:
    async def may_fulfil(number: str, items: str) -> bool:
        arguments = f"'{(await server.order('order-7'))['id']}', '{number}', {items}"
        if language == "python":
            code = f"import json, shop; print(json.dumps(shop.may_fulfil({arguments})))"
            return bool(json.loads(await server.python(code)))
        return bool(
            json.loads(await server.node("ask", f"console.log(await mayFulfil({arguments}));"))
        )

    if language == "python":
        await start(server)
    else:
        await server.node("ask", f"await start('order-7', {ITEMS}, '{KEY}');")
    before = await may_fulfil("order-7", ITEMS)
    await server.pay(1)
    after = await may_fulfil("order-7", ITEMS)
    other, less = await may_fulfil("order-8", ITEMS), await may_fulfil("order-7", OTHERS)
    await server.tell(event("review.opened", review(), id="evt_review"))
    flagged = await may_fulfil("order-7", ITEMS)

    assert (before, after, other, less, flagged) == (False, True, False, False, False)


async def test_a_second_try_to_start_an_order_leads_to_the_same_payment_page(
    server: ShopServer,
) -> None:
    urls = [await start(server) for _ in range(2)]
    end = f"for (let n = 0; n < 2; n++) console.log((await start('n', {ITEMS}, '{KEY}')).url);"
    nodes = (await server.node("ask", end)).split()

    assert urls[0] == urls[1] != nodes[0] == nodes[1]
    assert len(server.altan_pay.requests) == 2


async def test_a_refusal_is_shown_with_its_body(tmp_path: Path) -> None:
    refusal = answer(b'{"code": "not_for_sale"}', status="422 Unprocessable Entity")
    async with upstream(refusal) as service:
        write_files(tmp_path, service.url)
        code = (
            "import shop\ntry:\n    shop.call('/orders/x')\nexcept RuntimeError as e:\n    print(e)"
        )
        printed = await run(tmp_path, "python3", "-c", code)

    assert printed == '422 {"code": "not_for_sale"}\n'


async def test_the_worker_delivers_a_paid_order_once(server: ShopServer) -> None:
    await start(server)
    await hand_over(server, "order-7")
    before = await server.python(WORK)
    assert waiting(server) == 1
    await server.pay(1)

    printed = await server.python(WORK)
    await hand_over(server, "order-7")  # Stripe's recovery may pay it a second time
    again = await server.python(WORK)

    assert (before, printed, again) == ("", "delivered order-7\n", "")
    assert server.sql("SELECT number FROM shipments") == [("order-7",)]
    assert waiting(server) == 0


async def test_the_worker_keeps_an_order_with_flags_until_they_are_removed(
    server: ShopServer,
) -> None:
    await start(server)
    await server.pay(1)
    await server.tell(event("review.opened", review(), id="evt_review"))
    await hand_over(server, "order-7")

    flagged = await server.python(WORK)
    kept = waiting(server)
    closed = review(open=False, closed_reason="approved")
    await server.tell(event("review.closed", closed, id="evt_closed"))
    after = await server.python(WORK)

    assert (flagged, kept, after) == ("", 1, "delivered order-7\n")
    assert waiting(server) == 0


async def test_the_worker_leaves_another_order_and_one_that_a_browser_started(
    server: ShopServer,
) -> None:
    for number in ("order-7", "order-8"):
        await start(server, number)
    cart = {"line_items": json.loads(OTHERS), "client_reference_id": "order-9"}
    await server.service.client.post("/checkout", json=cart, headers={"Accept": "application/json"})
    for paid in (1, 3):
        await server.pay(paid)
    for number in ("order-7", "order-8", "order-9"):
        await hand_over(server, number)

    assert await server.python(WORK) == "delivered order-7\n"
    assert waiting(server) == 2


async def test_an_order_that_cannot_be_read_does_not_stop_the_others(server: ShopServer) -> None:
    for number in ("order-7", "order-8"):
        await start(server, number)
    await server.pay(2)
    for number in ("order-7", "order-8"):
        await hand_over(server, number)
    server.sql("UPDATE to_deliver SET order_id = 'chk_x' WHERE rowid = 1")
    server.sql("UPDATE orders SET checkout_id = 'chk_x' WHERE number = 'order-7'")

    printed = await server.python(WORK)

    assert printed.startswith("order-7 404 {")
    assert printed.endswith("\ndelivered order-8\n")


async def test_an_order_that_was_delivered_by_hand_is_never_delivered(server: ShopServer) -> None:
    await start(server)
    await server.pay(1)
    await hand_over(server, "order-7")
    server.sql("UPDATE orders SET delivered_at = datetime('now')")

    assert await server.python(WORK) == ""
    assert waiting(server) == 0
