"""Checks a page's accessibility with axe-core.

It runs in an isolated JavaScript world, without the page's globals and Content-Security-Policy, so
the page is checked as visitors get it.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from playwright.async_api import CDPSession, Page

from tests.support.builders import DEADLINE_S

SOURCE: Final = Path(__file__).parents[2] / "e2e/node_modules/axe-core/axe.min.js"
OPTIONS: Final = {
    "runOnly": [
        *("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"),
        "best-practice",
    ],
    "preload": False,
}
RUN: Final = f"""
axe.run(document, {json.dumps(OPTIONS)}).then(({{ passes, violations }}) => ({{
  rules: passes.length + violations.length,
  faults: violations.flatMap(({{ id, help, nodes }}) => nodes.map(
    ({{ target, failureSummary }}) => [id, help, target.join(" "), failureSummary].join(": "),
  )),
}}))
"""


@cache
def _axe() -> str:
    assert SOURCE.exists(), "axe-core is not installed: `npm ci` in tests/e2e, or `make e2e`."
    return SOURCE.read_text()


async def accessibility_faults(page: Page) -> Sequence[str]:
    """Return each violated rule of WCAG 2.2 AA and good practice: rule, help, element, fix."""
    session = await page.context.new_cdp_session(page)
    tree = await session.send("Page.getFrameTree")
    frame_id = tree["frameTree"]["frame"]["id"]
    world = await session.send("Page.createIsolatedWorld", {"frameId": frame_id})
    try:
        async with asyncio.timeout(DEADLINE_S):
            await _evaluate(f"{_axe()};0", session, world)
            judged = await _evaluate(RUN, session, world)
    except TimeoutError as error:
        raise AssertionError(
            "axe-core does not finish: does the visitor have script turned off?"
        ) from error
    assert judged["rules"] > 0, "axe-core checked nothing"
    return [" ".join(fault.split()) for fault in judged["faults"]]


async def assert_accessible(page: Page) -> None:
    faults = await accessibility_faults(page)
    assert not faults, f"{page.url} is not accessible:\n" + "\n".join(faults)


async def _evaluate(expression: str, session: CDPSession, world: Mapping[str, Any]) -> Any:  # noqa: ANN401 whatever the script returns
    options = {"awaitPromise": True, "returnByValue": True}
    where = {"contextId": world["executionContextId"]}
    answer = await session.send("Runtime.evaluate", {"expression": expression, **options, **where})
    assert "exceptionDetails" not in answer, answer["exceptionDetails"]
    return answer["result"].get("value")
