"""Deleting a buyer's data: the page asks first, and says what was deleted."""

from pathlib import Path

import pytest

from tests.support.builders import SESSION_ID, event, session
from tests.support.console import console_shop, text_of

pytestmark = pytest.mark.anyio

ORDER = f"/console/orders/{SESSION_ID}"
PATH = f"{ORDER}/erase"
PAID = event(subject=session(customer_details={"name": "Ann Lee"}))


async def test_a_buyers_data_is_deleted_after_a_second_click(database_path: Path) -> None:
    async with console_shop(database_path) as console:
        await console.shop.tell(PAID)
        before = await console.operator.see(ORDER)
        asked = text_of(await console.operator.see(PATH))
        still = text_of(await console.operator.see(ORDER))
        after = text_of(await console.operator.press_and_follow(PATH, "Delete the data"))

    assert f"orders/{SESSION_ID}/erase" in before
    assert "This cannot be undone." in asked
    assert "Ann Lee" in still
    assert "The buyer&#39;s data was deleted. Event bodies deleted: 1." in after
    assert "Ann Lee" not in after
    assert "Nothing is known of the buyer" in after


async def test_events_that_keep_their_bodies_are_counted(database_path: Path) -> None:
    broken = {"object": "charge", "id": "ch_1", "payment_intent": "pi_1"}
    async with console_shop(database_path) as console:
        await console.shop.tell(PAID, event("charge.refunded", broken, id="evt_broken"))
        after = text_of(await console.operator.press_and_follow(PATH, "Delete the data"))

    assert "Event bodies deleted: 1; kept: 1, because these events were not processed yet" in after


async def test_an_unknown_order_is_a_page_that_says_so(database_path: Path) -> None:
    async with console_shop(database_path) as console:
        answered = await console.shop.service.client.get("/console/orders/cs_test_unknown/erase")

    assert answered.status_code == 404
    assert "There is no order with that id." in text_of(answered.text)


async def test_a_notice_needs_all_of_its_numbers(database_path: Path) -> None:
    async with console_shop(database_path) as console:
        await console.shop.tell(PAID)
        told = text_of(await console.operator.see(ORDER, done="erased", deleted="2"))
        not_told = text_of(await console.operator.see(ORDER, done="erased", deleted="all"))

    assert "bodies deleted: 2" in told
    assert "was deleted" not in not_told
