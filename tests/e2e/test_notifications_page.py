"""The shop's receiver in the demo: it can fail, be slow or answer 410."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.support.browser.places import open_notifications, pay
from tests.support.browser.running import RunningDemo
from tests.support.browser.visitors import ORDINARY, Visitors
from tests.support.commands import altan_checkout

FAIL, SLOW, GONE, TAKE = (
    "Answer 500",
    "Answer too late",
    "Answer 410, which pauses sending",
    "Answer 204",
)


async def choose(page: Page, mood: str) -> None:
    await page.get_by_role("button", name=mood).click()
    await expect(page.get_by_role("button", name=mood)).to_be_disabled()


@pytest.mark.parametrize(
    ("mood", "shown"),
    [(FAIL, "500"), (SLOW, "too late"), (GONE, "410")],
    ids=["500", "slow", "410"],
)
async def test_the_receiver_can_refuse_and_then_gets_the_same_notification_again(
    demo: RunningDemo, visitors: Visitors, tmp_path: Path, mood: str, shown: str
) -> None:
    page, buyer = await visitors.new(ORDINARY), await visitors.new(ORDINARY)
    await open_notifications(page, demo)
    tries = page.get_by_role("main").get_by_role("listitem")
    await choose(page, mood)
    before = await tries.count()

    await pay(buyer, demo)
    await expect(tries.first).to_contain_text(shown)
    await choose(page, TAKE)
    resumed = await altan_checkout(
        tmp_path, "notifications", "resume", "--demo", str(demo.demo.folder)
    )

    assert (resumed.status, resumed.errors) == (0, "")
    await expect(tries.first).to_contain_text("204")
    await expect(tries).to_have_count(before + 2)
