"""Who may ask for orders, over the whole service: tokens, guesses, and what pages may not read."""

from pathlib import Path

import pytest

from tests.support.builders import event, service_in_process, settings
from tests.support.checkout_shop import CART
from tests.support.orders import ADMIN_TOKEN, TOKEN, bearer, order_shop
from tests.support.processes import running_process

pytestmark = pytest.mark.anyio
PATHS = ["/orders", "/orders/cs_test_a1"]


@pytest.mark.parametrize("path", PATHS)
async def test_without_any_token_set_there_is_nothing_at_these_addresses(
    tmp_path: Path, path: str
) -> None:
    async with service_in_process(settings(tmp_path)) as service:
        await service.deliver(event())
        answer = await service.client.get(path, headers=bearer())
        nothing = await service.client.get("/nothing/here", headers=bearer())

    assert answer.status_code == 404
    same = ("type", "title", "status", "detail", "code")
    assert [answer.json()[name] for name in same] == [nothing.json()[name] for name in same]


async def test_without_any_token_set_no_method_shows_that_an_address_exists(tmp_path: Path) -> None:
    async with service_in_process(settings(tmp_path)) as service:
        described = (await service.client.get("/openapi.json")).json()["paths"]
        hidden = [path.replace("{", "").replace("}", "") for path in described if is_hidden(path)]
        answers = {
            (method, path): await service.client.request(method, path, headers=bearer())
            for path in hidden
            for method in (
                "GET",
                "HEAD",
                "POST",
                "PUT",
                "PATCH",
                "DELETE",
                "OPTIONS",
                "TRACE",
                "ODD",
            )
        }

    assert len(hidden) >= 8
    shown = {key: answer.status_code for key, answer in answers.items()}
    assert shown == dict.fromkeys(answers, 404)
    assert [key for key, answer in answers.items() if "Allow" in answer.headers] == []


def is_hidden(path: str) -> bool:
    return path.startswith(("/orders", "/notifications", "/events", "/reconcile"))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN])
async def test_a_missing_or_wrong_token_is_unauthorized(
    database_path: Path, path: str, header: str | None
) -> None:
    async with order_shop(database_path) as shop:
        headers = {} if header is None else {"Authorization": header}
        answer = await shop.service.client.get(path, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["Cache-Control"] == "no-store"


async def test_guesses_are_limited_and_a_right_token_always_passes(database_path: Path) -> None:
    async with order_shop(database_path) as shop:
        client = shop.service.client
        codes = [
            (await client.get("/orders", headers=bearer(f"wrong-{n}"))).status_code
            for n in range(12)
        ]
        right = await client.get("/orders", headers=bearer())
        operator = await client.get("/orders", headers=bearer(ADMIN_TOKEN))
        limited = await client.get("/orders", headers=bearer("wrong"))

    assert codes == [401] * 10 + [429] * 2
    assert (right.status_code, operator.status_code) == (200, 200)
    assert int(limited.headers["Retry-After"]) > 0


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
async def test_no_pages_script_may_read_orders(database_path: Path, path: str, method: str) -> None:
    origin = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}
    async with order_shop(database_path) as shop:
        await shop.tell(event())
        answer = await shop.service.client.request(method, path, headers=bearer() | origin)

    assert [name for name in answer.headers if name.startswith("access-control")] == []
    assert answer.status_code == (200 if method == "GET" else 405)


async def test_no_token_is_logged(tmp_path: Path) -> None:
    wrong = "wrong_token_zzzzzzzzzzzzzzzzzzz"
    async with running_process(
        tmp_path, API_TOKENS=TOKEN, ADMIN_API_TOKEN=ADMIN_TOKEN, LOG_LEVEL="debug"
    ) as process:
        for token in (TOKEN, ADMIN_TOKEN, wrong):
            await process.service.client.get("/orders", headers=bearer(token))
            await process.service.client.post("/checkout", json=CART, headers=bearer(token))

    log = "".join(process.lines)
    assert log.count('"/checkout"') == 3  # each with a line of its own
    assert [token for token in (TOKEN, ADMIN_TOKEN, wrong) if token in log] == []
