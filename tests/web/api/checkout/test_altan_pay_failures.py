"""What a buyer gets when Altan Pay fails."""

from pathlib import Path

import pytest

from app.bootstrap import create_app
from tests.support.builders import (
    in_process,
    settings,
)
from tests.support.checkout_shop import CART, OpenShop, assert_problem, started
from tests.support.wire import (
    Script,
    answer,
    hangs,
    resets,
    says_and_closes,
)


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        *[(answer(b"", status=f"{s} No"), 422, "cart_refused") for s in (400, 402, 409, 422)],
        *[
            (answer(b"", "Retry-After: 0", status=f"{s} No"), 502, "altan_pay_misconfigured")
            for s in (401, 403, 404, 405, 302, 308)
        ],
        (answer(b"<html>"), 502, "altan_pay_malformed"),
        (answer(b'{"url": "https://evil.example/"}'), 502, "altan_pay_malformed"),
        (says_and_closes(b"garbage\r\n\r\n"), 502, "altan_pay_malformed"),
        *[
            (answer(b"", "Retry-After: 0", status=f"{s} No"), 503, "altan_pay_unavailable")
            for s in (429, 500, 502, 503, 504)
        ],
        (resets, 503, "altan_pay_unavailable"),
        (hangs, 504, "altan_pay_timeout"),
    ],
    ids=lambda value: getattr(value, "__name__", ascii(value)[:40]),
)
async def test_each_failure_of_altan_pay_has_its_code_and_leaves_no_row(
    open_shop: OpenShop, script: Script | bytes, status: int, code: str
) -> None:
    # Where an answer is meant to come, no time-out may decide, however busy the machine is.
    deadline_s = 0.3 if script is hangs else 10.0
    async with open_shop(script, altan_pay_timeout_s=deadline_s) as shop:
        response = await shop.client.post("/checkout", json=CART)

        problem = assert_problem(response, status, code)
        assert ("retry-after" in response.headers) == (status == 503)
        assert "location" not in response.headers
        assert shop.rows() == []
        assert "127.0.0.1" not in problem["detail"]
        assert "acct_" not in response.text


async def test_an_altan_pay_that_is_not_there_is_unavailable(database_path: Path) -> None:
    app = create_app(settings(database_path.parent))

    async with started(app), in_process(app) as client:
        response = await client.post("/checkout", json=CART)

    assert_problem(response, 503, "altan_pay_unavailable")
