import asyncio
import re

import httpx
import pytest

from sandbox.altan_pay.endpoint import FORBIDDEN_HEADERS
from sandbox.server import SandboxConfig, Waits, create_sandbox
from tests.support.sandbox.local_servers import (
    CREATE_PATH,
    DEADLINE_S,
    listen,
    order_body,
    running_sandbox,
    serving,
)


def message_of(response: httpx.Response) -> str:
    message = response.json()["error"]["message"]
    assert isinstance(message, str)
    return message


async def test_a_documented_call_is_answered_with_the_url_of_a_payment_page(
    sandbox: httpx.AsyncClient,
) -> None:
    response = await sandbox.post(CREATE_PATH, json=order_body())

    assert response.status_code == 200
    assert list(response.json()) == ["url"]
    pattern = r"http://sandbox\.test/c/pay/cs_test_[A-Za-z0-9]{58}#fid[A-Za-z0-9]+"
    assert re.fullmatch(pattern, response.json()["url"])


async def test_a_slash_at_the_end_of_the_public_url_is_not_doubled() -> None:
    async with running_sandbox(SandboxConfig(public_url="http://sandbox.test/")) as sandbox:
        response = await sandbox.post(CREATE_PATH, json=order_body())

    assert response.json()["url"].startswith("http://sandbox.test/c/pay/cs_test_")


async def test_another_account_is_not_found(sandbox: httpx.AsyncClient) -> None:
    path = "/v2/connect/checkout/other/create_checkout_session?stripe_connect_id=acct_sandbox"

    response = await sandbox.post(path, json=order_body())

    assert response.status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?stripe_connect_id=acct_other",
        "?stripe_connect_id=acct_sandbox&stripe_connect_id=acct_other",
    ],
)
async def test_another_stripe_connect_id_is_forbidden(
    sandbox: httpx.AsyncClient, query: str
) -> None:
    response = await sandbox.post(CREATE_PATH.partition("?")[0] + query, json=order_body())

    assert response.status_code == 403


async def test_a_body_of_another_shape_is_refused_with_a_message(
    sandbox: httpx.AsyncClient,
) -> None:
    response = await sandbox.post(CREATE_PATH, json={"line_items": []})

    assert response.status_code == 400
    assert message_of(response) == "The body has no payload."


async def test_a_body_that_is_not_called_json_is_refused(sandbox: httpx.AsyncClient) -> None:
    response = await sandbox.post(CREATE_PATH, data={"price": "price_a"})

    assert response.status_code == 400
    assert "application/json" in message_of(response)


@pytest.mark.parametrize("name", FORBIDDEN_HEADERS)
async def test_a_header_that_the_call_must_not_carry_is_refused(
    sandbox: httpx.AsyncClient, name: str
) -> None:
    response = await sandbox.post(CREATE_PATH, json=order_body(), headers={name: "x"})

    assert response.status_code == 400
    assert name in message_of(response)


async def test_a_refused_call_opens_no_session(sandbox: httpx.AsyncClient) -> None:
    await sandbox.post(CREATE_PATH, json=order_body(("price_x", 0)))

    assert (await sandbox.get("/sandbox/sessions")).json() == {"sessions": []}


@pytest.mark.parametrize(("price", "status_code"), [("400", 400), ("500", 500)])
async def test_a_fault_price_makes_the_call_fail(
    sandbox: httpx.AsyncClient, price: str, status_code: int
) -> None:
    body = order_body(("price_sandbox_mug", 1), (f"price_fault_{price}", 1))

    response = await sandbox.post(CREATE_PATH, json=body)

    assert response.status_code == status_code


async def test_a_fault_price_makes_the_answer_malformed(sandbox: httpx.AsyncClient) -> None:
    response = await sandbox.post(CREATE_PATH, json=order_body(("price_fault_malformed", 1)))

    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")


async def test_a_fault_price_makes_the_call_hang_but_not_for_ever() -> None:
    async with running_sandbox(waits=Waits(hang_s=0.05)) as sandbox:
        response = await sandbox.post(CREATE_PATH, json=order_body(("price_fault_hang", 1)))

    assert response.status_code == 504


async def test_a_hanging_call_ends_when_the_caller_disconnects() -> None:
    listener, url = listen()
    app = create_sandbox(SandboxConfig(), waits=Waits(hang_s=3600))
    body = order_body(("price_fault_hang", 1))

    # Stopping the server waits for what is under way: a call still hanging would take an hour.
    async with (
        asyncio.timeout(DEADLINE_S),
        serving(app, listener),
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        with pytest.raises(httpx.ReadTimeout):
            await client.post(CREATE_PATH, json=body, timeout=0.1)
