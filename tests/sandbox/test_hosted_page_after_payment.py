"""The hosted page after the payment: refunds, disputes and renewals."""

import re

import httpx
import pytest

from tests.support.sandbox.local_servers import Service, open_session, order_body


async def press(
    sandbox: httpx.AsyncClient, session_id: str, button: str, **fields: str
) -> httpx.Response:
    return await sandbox.post(f"/c/pay/{session_id}/{button}", data=fields)


async def a_paid_session(sandbox: httpx.AsyncClient, body: dict[str, object] | None = None) -> str:
    session_id = await open_session(sandbox, body)
    await press(sandbox, session_id, "pay")
    return session_id


async def buttons(sandbox: httpx.AsyncClient, session_id: str) -> list[str]:
    """What can be pressed in the payment's part of the page."""
    page = await sandbox.get(f"/c/pay/{session_id}")
    assert page.status_code == 200
    return re.findall("<button.*?>(.*?)</button>", page.text.partition("<aside")[0])


async def refunded(sandbox: httpx.AsyncClient, session_id: str) -> int:
    session = (await sandbox.get(f"/sandbox/sessions/{session_id}")).json()
    amount_minor: int = session["amount_refunded"]
    return amount_minor


async def test_a_part_is_refunded_and_then_everything(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    session_id = await a_paid_session(sandbox)

    response = await press(sandbox, session_id, "refund", amount="4.5", refunded_before="0")
    assert response.status_code == 303
    assert response.headers["location"] == f"/c/pay/{session_id}"
    page = await sandbox.get(f"/c/pay/{session_id}")
    assert "$4.50 of it refunded" in page.text
    assert "up to $10.00" in page.text

    await press(sandbox, session_id, "refund", everything="yes", amount="1", refunded_before="450")
    assert await refunded(sandbox, session_id) == 1450
    assert await buttons(sandbox, session_id) == []
    await service.wait_received(4 + 4 + 4)
    assert service.types.count("charge.refunded") == 2


async def test_a_second_click_on_refund_sends_nothing_back_again(
    sandbox: httpx.AsyncClient,
) -> None:
    session_id = await a_paid_session(sandbox)
    page = await sandbox.get(f"/c/pay/{session_id}")
    fields = dict(re.findall('type="hidden" name="(.*?)" value="(.*?)"', page.text))
    await press(sandbox, session_id, "refund", amount="4.50", **fields)

    second = await press(sandbox, session_id, "refund", amount="4.50", **fields)

    assert second.status_code == 409
    assert "has changed since" in second.text
    assert "$4.50 of it refunded" in second.text
    assert await refunded(sandbox, session_id) == 450


@pytest.mark.parametrize("amount", ["", "0", "14.51", "-1", "1.505", "ten", "1e3", "1,50"])
async def test_an_amount_that_makes_no_sense_is_said_to_be_so_on_the_page(
    sandbox: httpx.AsyncClient, amount: str
) -> None:
    session_id = await a_paid_session(sandbox)

    response = await press(sandbox, session_id, "refund", amount=amount)

    assert response.status_code == 400
    assert "The amount must be from $0.01 to $14.50." in response.text
    assert ">Refund everything</button>" in response.text
    assert await refunded(sandbox, session_id) == 0


async def test_late_by_too_much_is_said_to_be_so_on_the_page(sandbox: httpx.AsyncClient) -> None:
    session_id = await a_paid_session(sandbox)

    response = await press(sandbox, session_id, "refund", everything="yes", delay_s="601")

    assert response.status_code == 400
    assert "late by" in response.text
    assert await refunded(sandbox, session_id) == 0


async def test_a_refund_of_yen_has_no_digits_after_the_point(sandbox: httpx.AsyncClient) -> None:
    session_id = await a_paid_session(sandbox, order_body(("price_sandbox_yen", 1)))

    assert 'min="1" max="500" step="1"' in (await sandbox.get(f"/c/pay/{session_id}")).text
    await press(sandbox, session_id, "refund", amount="120")
    assert await refunded(sandbox, session_id) == 120


async def test_a_dispute_is_opened_and_won(sandbox: httpx.AsyncClient) -> None:
    session_id = await a_paid_session(sandbox)
    before = ["Refund", "Refund everything", "Open a dispute"]
    assert await buttons(sandbox, session_id) == before

    await press(sandbox, session_id, "dispute_open")
    assert await buttons(sandbox, session_id) == ["The shop wins", "The shop loses"]

    await press(sandbox, session_id, "dispute_win")
    assert await buttons(sandbox, session_id) == before
    assert "the shop won the dispute" in (await sandbox.get(f"/c/pay/{session_id}")).text


async def test_a_lost_dispute_is_the_end(sandbox: httpx.AsyncClient) -> None:
    session_id = await a_paid_session(sandbox)
    await press(sandbox, session_id, "dispute_open")

    await press(sandbox, session_id, "dispute_lose")

    assert await buttons(sandbox, session_id) == []
    assert "the shop lost the dispute" in (await sandbox.get(f"/c/pay/{session_id}")).text


async def test_a_subscription_is_renewed_and_canceled(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    body = order_body(("price_sandbox_club", 1), mode="subscription")
    session_id = await a_paid_session(sandbox, body)
    service.received.clear()

    await press(sandbox, session_id, "renew")
    await press(sandbox, session_id, "renew")
    await service.wait_received(4)
    assert "renewed 2 times" in (await sandbox.get(f"/c/pay/{session_id}")).text
    assert service.types.count("invoice.paid") == 2

    await press(sandbox, session_id, "cancel")
    assert await buttons(sandbox, session_id) == []
    assert "has been canceled" in (await sandbox.get(f"/c/pay/{session_id}")).text
