"""The routes of the whole service, as one who knows only HTTP sees them."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]
import orjson
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message
from structlog.testing import capture_logs

from app.bootstrap import create_app
from app.observability.metrics import Metrics
from app.observability.request_log import RequestLog
from app.web.api.checkout_module import DropIn
from app.web.api.health import Readiness
from app.web.application import Application, Endpoints
from app.web.pages.pages import Pages
from app.web.problems import Problems
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

    quantity_max = 999

    async def __call__(self, _: Request) -> Response:
        raise DefectError("private words of a defect")


@asynccontextmanager
async def _no_lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


def broken_app() -> RequestLog:
    """The routes around endpoints that raise what they must not."""
    broken: Any = BrokenEndpoint()
    metrics = Metrics()
    endpoints = Endpoints(
        checkout=broken,
        webhooks=broken,
        status=broken,
        status_stream=broken,
        success_page=broken,
        drop_in=DropIn(),
        ready=Readiness({}),
        metrics=Response,
        problems=Problems(Pages(shop_url=SHOP)),
    )
    application = Application(
        endpoints, version="1", cors_origins=frozenset({SHOP}), lifespan=_no_lifespan
    )
    return RequestLog(application, metrics)


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
async def test_a_wrong_method_is_told_the_right_one(
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


# What the service says about itself


@pytest.fixture
async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    response = await client.get("/openapi.json")
    assert response.status_code == 200
    document: dict[str, Any] = response.json()
    return document


async def test_the_docs_are_a_page(client: httpx.AsyncClient) -> None:
    response = await client.get("/docs")

    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert 'url: "openapi.json"' in response.text.replace("'", '"')


async def test_the_document_says_that_the_service_is_where_the_document_is(
    document: dict[str, Any],
) -> None:
    assert document["servers"] == [{"url": "."}]


async def test_the_document_is_the_same_however_often_it_is_asked_for(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    again = await client.get("/openapi.json")

    assert again.json() == document


async def test_the_document_describes_every_address(document: dict[str, Any]) -> None:
    described = {(path, method) for path, item in document["paths"].items() for method in item}

    assert document["openapi"].startswith("3.1")
    assert described == {
        ("/checkout", "post"),
        ("/checkout/{id}", "get"),
        ("/checkout/{id}/events", "get"),
        ("/checkout/{id}/page", "get"),
        ("/checkout/page", "get"),
        ("/checkout.js", "get"),
        ("/checkout.{hash}.js", "get"),
        ("/checkout.d.ts", "get"),
        ("/webhooks/stripe", "post"),
        ("/health/live", "get"),
        ("/health/ready", "get"),
        ("/metrics", "get"),
    }


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for item in document["paths"].values() for operation in item.values()]


def schemas(node: object) -> list[dict[str, Any]]:
    """Every schema that stands anywhere in the document."""
    if isinstance(node, list):
        return [schema for entry in node for schema in schemas(entry)]
    if not isinstance(node, dict):
        return []
    own = [node["schema"]] if "schema" in node else []
    return own + [schema for entry in node.values() for schema in schemas(entry)]


async def test_the_document_is_a_valid_one(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for operation in operations(document)]
    responses = [
        (status, response)
        for operation in operations(document)
        for status, response in operation["responses"].items()
    ]

    assert len(set(ids)) == len(ids) == 12
    assert all(re.fullmatch(r"[1-5][0-9]{2}", status) for status, _ in responses)
    assert all(response["description"] for _, response in responses)
    assert len(schemas(document)) > 10
    for schema in schemas(document):
        jsonschema.Draft202012Validator.check_schema(schema)
    assert b'"$ref"' not in orjson.dumps(document["paths"])
    for path, item in document["paths"].items():
        for operation in item.values():
            named = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
            assert named == set(re.findall(r"\{(\w+)\}", path))


async def test_the_document_names_every_code_that_checkout_can_answer(
    document: dict[str, Any],
) -> None:
    responses = document["paths"]["/checkout"]["post"]["responses"]

    for status, code in (
        ("400", "invalid_json"),
        ("403", "origin_not_allowed"),
        ("413", "body_too_large"),
        ("415", "unsupported_media_type"),
        ("422", "invalid_cart"),
        ("422", "redirect_not_allowed"),
        ("422", "cart_refused"),
        ("502", "altan_pay_misconfigured"),
        ("502", "altan_pay_malformed"),
        ("503", "altan_pay_unavailable"),
        ("503", "storage_unavailable"),
        ("504", "altan_pay_timeout"),
    ):
        assert code in responses[status]["description"]


async def test_answers_are_as_the_document_says(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    started = await client.post("/checkout", json=CART)
    refused = await client.post("/checkout", json={})
    status = await client.get(started.json()["status_url"])

    checkout = document["paths"]["/checkout"]["post"]["responses"]
    of_status = document["paths"]["/checkout/{id}"]["get"]["responses"]
    for response, described in (
        (started, checkout["303"]["content"]["application/json"]),
        (refused, checkout["422"]["content"]["application/problem+json"]),
        (status, of_status["200"]["content"]["application/json"]),
    ):
        jsonschema.Draft202012Validator(described["schema"]).validate(response.json())
        assert set(response.json()) <= set(described["schema"]["properties"])


@pytest.mark.parametrize(
    ("cart", "is_valid"),
    [
        (CART, True),
        ({"payload": CART}, True),
        (CART | {"mode": "subscription", "client_reference_id": "a"}, True),
        ({}, False),
        ({"line_items": []}, False),
        ({"line_items": [{"price": "x", "quantity": 1}]}, False),
        ({"line_items": [{"price": "price_A", "quantity": 0}]}, False),
        ({"line_items": [{"price": "price_A", "quantity": 1000}]}, False),
        (CART | {"coupon": "x"}, False),
        (CART | {"client_reference_id": ""}, False),
    ],
    ids=str,
)
async def test_the_document_and_the_service_agree_on_carts(
    client: httpx.AsyncClient,
    document: dict[str, Any],
    cart: dict[str, Any],
    is_valid: bool,  # noqa: FBT001 a test's parameter
) -> None:
    body = document["paths"]["/checkout"]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]

    response = await client.post("/checkout", json=cart)

    assert jsonschema.Draft202012Validator(schema).is_valid(cart) == is_valid
    assert (response.status_code == 303) == is_valid
