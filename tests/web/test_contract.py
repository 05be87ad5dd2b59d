"""/openapi.json, and whether it is true."""

import ast
import re
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import httpx
import jsonschema  # type: ignore[import-untyped]
import pytest

from app.bootstrap import create_app
from app.domain.stripe_events.endpoint import PATH
from tests.support.builders import in_process, settings
from tests.support.contract import component, operations, references, schemas, validator
from tests.support.wire import answer, upstream

WEB: Final = Path(__file__).parents[2] / "app" / "web"
CART: Final = {"line_items": [{"price": "price_A", "quantity": 1}]}


@pytest.fixture
async def client(database_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with upstream(answer(b'{"url":"https://checkout.stripe.com/c/pay/cs_1"}')) as altan_pay:
        app = create_app(settings(database_path.parent, altan_pay_url=altan_pay.url))
        async with in_process(app) as client:
            yield client


@pytest.fixture
async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    response = await client.get("/openapi.json")
    assert response.status_code == 200
    document: dict[str, Any] = response.json()
    return document


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
        (PATH, "post"),  # where `webhooks create` registers the endpoint
        ("/health/live", "get"),
        ("/health/ready", "get"),
        ("/metrics", "get"),
        ("/orders", "get"),
        ("/orders/{id}", "get"),
        ("/orders/{id}/flags/{flag}/seen", "post"),
        ("/notifications", "get"),
        ("/notifications/{id}/resend", "post"),
        ("/notifications/pause", "post"),
        ("/notifications/resume", "post"),
        ("/reconcile", "post"),
        ("/events/{id}/replay", "post"),
    }


async def test_no_page_may_read_what_needs_a_token(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    needing = {
        (path, method)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if "401" in operation["responses"]
    }
    assert {path for path, _ in needing} >= {"/orders", "/notifications/pause", "/reconcile"}
    origin = {"Origin": "https://shop.example"}
    asked = {"Access-Control-Request-Method": "POST"}
    answers = [
        await client.request(method.upper(), path, headers=origin) for path, method in needing
    ] + [await client.options(path, headers=origin | asked) for path, _ in needing]

    for answered in answers:
        headers = [name for name in answered.headers if name.startswith("access-control")]
        assert headers == [], answered.request.url
    public = await client.get("/health/live", headers=origin)
    assert public.headers["access-control-allow-origin"] == origin["Origin"]


async def test_the_document_is_a_valid_one(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for operation in operations(document)]
    responses = [
        (status, response)
        for operation in operations(document)
        for status, response in operation["responses"].items()
    ]

    assert len(set(ids)) == len(ids) == 21
    assert all(re.fullmatch(r"[1-5][0-9]{2}", status) for status, _ in responses)
    assert all(response["description"] for _, response in responses)
    assert len(schemas(document)) > 10
    for schema in schemas(document):
        jsonschema.Draft202012Validator.check_schema(schema)
    assert references(document) == set(document["components"]["schemas"])
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
        validator(document, described["schema"]).validate(response.json())
        assert set(response.json()) <= set(component(document, described["schema"])["properties"])


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

    assert validator(document, schema).is_valid(cart) == is_valid
    assert (response.status_code == 303) == is_valid


# What a generator of clients needs


async def test_the_names_that_generated_clients_are_made_of_stay(
    document: dict[str, Any],
) -> None:
    named = {
        operation["operationId"]: f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }

    assert named == {
        "startCheckout": "POST /checkout",
        "getPayment": "GET /checkout/{id}",
        "streamPayment": "GET /checkout/{id}/events",
        "showPaymentPage": "GET /checkout/{id}/page",
        "findPaymentPage": "GET /checkout/page",
        "getModule": "GET /checkout.js",
        "getPinnedModule": "GET /checkout.{hash}.js",
        "getModuleTypes": "GET /checkout.d.ts",
        "receiveStripeEvent": "POST /webhooks/stripe",
        "checkLiveness": "GET /health/live",
        "checkReadiness": "GET /health/ready",
        "getMetrics": "GET /metrics",
        "getOrder": "GET /orders/{id}",
        "listOrders": "GET /orders",
        "seeFlag": "POST /orders/{id}/flags/{flag}/seen",
        "reconcile": "POST /reconcile",
        "replayEvent": "POST /events/{id}/replay",
        "listNotifications": "GET /notifications",
        "resendNotification": "POST /notifications/{id}/resend",
        "pauseNotifications": "POST /notifications/pause",
        "resumeNotifications": "POST /notifications/resume",
    }
    assert set(document["components"]["schemas"]) == {
        *("Cart", "CartForm", "WrappedCart", "LineItem", "Mode", "Checkout"),
        *("Payment", "PaymentStatus", "Subscription", "WebhookReceipt"),
        *("Notification", "Notifications", "NotificationInvoice"),
        *("NotificationResent", "NotificationSending"),
        *("Problem", "Fault", "Liveness", "Readiness", "Reconciled", "ReplayedEvent"),
        *("Order", "Orders", "OrderCustomer", "OrderDispute", "OrderLineItem"),
        *("OrderPresentment", "OrderRefund", "OrderShipping", "OrderSubscription"),
    }


async def test_every_operation_is_in_a_described_group_and_can_fail(
    document: dict[str, Any],
) -> None:
    described = {tag["name"] for tag in document["tags"] if tag["description"]}

    assert {tag for operation in operations(document) for tag in operation["tags"]} == described
    for operation in operations(document):
        assert operation["summary"]
        for status in ("500", "503"):
            content = operation["responses"][status]["content"]["application/problem+json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}


async def test_an_answer_that_says_when_to_try_again_is_described_so(
    document: dict[str, Any],
) -> None:
    for operation in operations(document):
        for status in {"409", "429", "503"} & set(operation["responses"]):
            assert "Retry-After" in operation["responses"][status]["headers"]


async def test_not_being_ready_is_described_beside_being_overloaded(
    document: dict[str, Any],
) -> None:
    content = document["paths"]["/health/ready"]["get"]["responses"]["503"]["content"]

    assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/Readiness"}


# One route, one place


def texts_in(file: Path) -> set[str]:
    """Every string that stands in a file of Python, but for its docstrings."""
    tree = ast.parse(file.read_text())
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
    }


async def test_every_address_is_declared_described_and_answered_in_a_single_file(
    document: dict[str, Any],
) -> None:
    files_of: dict[str, set[str]] = defaultdict(set)
    for file in WEB.rglob("*.py"):
        for text in texts_in(file):
            files_of[text].add(str(file.relative_to(WEB)))

    for path, item in document["paths"].items():
        for operation in item.values():
            (declared_in,) = files_of[path]
            (described_in,) = files_of[operation["operationId"]]
            assert declared_in == described_in
            assert declared_in.startswith(("api/", "pages/"))
