"""Presses the payment page's buttons over HTTP, to reach a page quickly."""

from collections.abc import Mapping
from typing import Final

from playwright.async_api import Page

from tests.support.browser.running import RunningDemo

CART: Final = {"line_items": [{"price": "price_sandbox_mug", "quantity": 2}]}


async def new_session(
    page: Page, demo: RunningDemo, *acts: str, last_with: Mapping[str, object]
) -> str:
    """Return a session's id for two mugs after `acts`, the last with `last_with`.

    The service has received all webhooks, unless they are delayed.
    """
    answer = await page.request.post(
        f"{demo.service_url}/checkout", data=CART, headers={"Accept": "application/json"}
    )
    assert answer.ok, await answer.text()
    session_id: str = (await answer.json())["session_id"]
    for n, act in enumerate(acts, start=1):
        url = f"{demo.shop_url}/sandbox/sessions/{session_id}/{act}"
        answer = await page.request.post(url, data=dict(last_with) if n == len(acts) else {})
        assert answer.ok, await answer.text()
    return session_id
