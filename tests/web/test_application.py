"""The routes of the whole service over HTTP."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import orjson
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import Message
from structlog.testing import capture_logs

from app.bootstrap import create_app
from app.observability.metrics import Metrics
from app.observability.request_log import RequestLog
from app.web.application import Application
from app.web.routes import undescribed
from tests.support import problem_answers
from tests.support.builders import in_process, settings
from tests.support.wire import answer, upstream

SHOP = "https://shop.example"
PAGE = "https://checkout.stripe.com/c/pay/cs_test_1"
CART = {"line_items": [{"price": "price_A", "quantity": 1}]}


@pytest.fixture
async def client(database_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with upstream(answer(orjson.dumps({"url": PAGE}))) as altan_pay:
        app = create_app(settings(database_path.parent, altan_pay_url=altan_pay.url))
        async with in_process(app) as client:
            yield client


class DefectError(Exception):
    """What nobody foresaw, with words that must not get out."""


class BrokenEndpoint:
    """An endpoint with a defect."""

    def routes(self) -> list[BaseRoute]:
        return [
            undescribed("/checkout", self.answer, "POST"),
            undescribed("/checkout/{id}", self.answer, "GET"),
        ]

    async def answer(self, _: Request) -> Response:
        raise DefectError("private words of a defect")


@asynccontextmanager
async def _no_lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


def broken_app() -> RequestLog:
    """The routes around endpoints that raise what they must not."""
    application = Application(
        [BrokenEndpoint()],
        problems=problem_answers.problems(),
        version="1",
        cors_origins=frozenset({SHOP}),
        lifespan=_no_lifespan,
    )
    return RequestLog(application, Metrics())


def assert_problem(response: httpx.Response, status: int, code: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == code
    assert response.json()["request_id"] == response.headers["x-request-id"]


# What is not there


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/checkout/",
        "/checkout/chk_unknown",
        "/checkout/cs_test_unknown",
        "/checkout/chk_" + "0" * 36,
        "/checkout/a/b",
        "/checkout/..%2f..%2fetc",
        "/checkout/%00",
        "/checkout/\N{SNOWMAN}",
        "/Checkout",
        "/webhooks",
        "/webhooks/stripe//",
        "/health",
        "/health/live/",
        "/metrics/",
        "/redoc",
        "/admin",
        "/.env",
        "/" + "a" * 5000,
    ],
    ids=lambda path: ascii(path[:40]),
)
async def test_an_address_where_nothing_is_says_so_to_a_program(
    client: httpx.AsyncClient, path: str
) -> None:
    response = await client.get(path)

    assert_problem(response, 404, "not_found")


async def test_an_address_where_nothing_is_says_so_to_a_person(client: httpx.AsyncClient) -> None:
    response = await client.get("/nowhere", headers={"Accept": "text/html"})

    assert response.status_code == 404
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert f'href="{SHOP}"' in response.text


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/checkout", "POST"),
        ("HEAD", "/checkout", "POST"),
        ("PUT", "/checkout", "POST"),
        ("DELETE", "/checkout", "POST"),
        ("OPTIONS", "/checkout", "POST"),
        ("TRACE", "/checkout", "POST"),
        ("POST", "/checkout/chk_1", "GET"),
        ("DELETE", "/checkout/chk_1", "GET"),
        ("GET", "/webhooks/stripe", "POST"),
        ("GET", "/webhooks/stripe/", "POST"),
        ("PUT", "/webhooks/stripe", "POST"),
        ("POST", "/health/live", "GET"),
        ("POST", "/health/ready", "GET"),
        ("DELETE", "/metrics", "GET"),
        ("POST", "/checkout.js", "GET"),
    ],
)
async def test_a_wrong_method_is_answered_with_the_right_one(
    client: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    response = await client.request(method, path)

    assert response.status_code == 405
    assert allowed in response.headers["allow"].split(", ")
    if method != "HEAD":
        assert_problem(response, 405, "method_not_allowed")


# What went wrong with us


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_defect_is_an_internal_error_that_gives_nothing_away(method: str) -> None:
    path = "/checkout" if method == "POST" else "/checkout/chk_1"

    with capture_logs() as lines:
        async with in_process(broken_app()) as client:
            response = await client.request(method, path)

    assert_problem(response, 500, "internal_error")
    assert "private" not in response.text
    assert "Defect" not in response.text
    assert "Traceback" not in response.text
    assert [line["event"] for line in lines] == ["internal_error", "request"]


async def test_a_defect_is_a_page_for_a_person() -> None:
    with capture_logs():
        async with in_process(broken_app()) as client:
            response = await client.post("/checkout", headers={"Accept": "text/html"})

    assert response.status_code == 500
    assert f'href="{SHOP}"' in response.text
    assert response.headers["x-request-id"] in response.text
    assert "private" not in response.text


async def test_a_script_in_the_shops_page_can_read_of_a_defect_too() -> None:
    with capture_logs():
        async with in_process(broken_app()) as client:
            response = await client.post("/checkout", headers={"Origin": SHOP})

    assert response.headers.get("access-control-allow-origin") == SHOP


async def test_nobody_is_answered_who_left_in_the_middle_of_a_cart(database_path: Path) -> None:
    app = create_app(settings(database_path.parent))
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/checkout",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    with capture_logs() as lines:
        await app(scope, receive, send)

    assert [message["status"] for message in sent if "status" in message] == [400]
    assert "internal_error" not in {line["event"] for line in lines}


# Request ids


@pytest.mark.parametrize("given", ["abcdefgh", "req-1.2_3-x", "A" * 64])
async def test_a_harmless_request_id_comes_back(client: httpx.AsyncClient, given: str) -> None:
    response = await client.get("/nowhere", headers={"X-Request-Id": given})

    assert response.headers.get_list("x-request-id") == [given]
    assert response.json()["request_id"] == given


@pytest.mark.parametrize(
    "given",
    [
        "",
        "short",
        "A" * 65,
        "has space",
        "<script>alert(1)</script>",
        'a"b"c"d"e"f',
        "abcdefgh\x00",
        "abcdefg\xfc",
        "abcd,efgh",
        "{jndi:ldap}",
    ],
)
async def test_any_other_request_id_is_replaced_by_one_of_our_own(
    client: httpx.AsyncClient, given: str
) -> None:
    headers = {b"X-Request-Id": given.encode("latin-1")}

    response = await client.get("/nowhere", headers=headers)

    (request_id,) = response.headers.get_list("x-request-id")
    assert re.fullmatch(r"[0-9a-f]{24}", request_id)
    assert response.json()["request_id"] == request_id


async def test_every_request_gets_an_id_of_its_own(client: httpx.AsyncClient) -> None:
    responses = [await client.get("/health/live") for _ in range(50)]

    assert len({response.headers["x-request-id"] for response in responses}) == 50
