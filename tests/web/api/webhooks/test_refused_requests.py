"""Signatures, bodies and methods that are refused."""

import asyncio
import gzip
import json
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.database.sqlite.database import SqliteDatabase
from tests.support.builders import (
    Service,
    SilentAlarm,
    event,
    in_process,
    sign,
    to_body,
)
from tests.support.webhook_endpoint import (
    PATHS,
    event_ids,
    has_problem,
    head,
    raw_exchange,
    webhooks_over,
)


async def test_without_a_signature_nothing_is_taken(endpoint: Service) -> None:
    answer = await endpoint.client.post("/webhooks/stripe", content=to_body(event()))

    assert has_problem(answer, 400, "signature_missing")
    assert event_ids(endpoint) == []


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        b"garbage",
        sign(to_body(event()), secret="whsec_of_somebody_else").encode(),
        sign(b"{}").encode(),
        sign(to_body(event()), at_s=1).encode(),
        sign(to_body(event()), at_s=10**10).encode(),
        sign(to_body(event())).encode() + b"\xe9",
        sign(to_body(event())).encode() + b",v1=x" * 5_000,
    ],
    ids=["empty", "garbage", "forged", "other body", "stale", "future", "not ascii", "flood"],
)
async def test_a_signature_that_proves_nothing_is_refused(
    endpoint: Service, signature: bytes
) -> None:
    headers = httpx.Headers([(b"Stripe-Signature", signature)])

    answer = await endpoint.client.post(
        "/webhooks/stripe", content=to_body(event()), headers=headers
    )

    assert has_problem(answer, 400, "signature_invalid")
    assert event_ids(endpoint) == []


async def test_a_signature_that_is_not_ascii_is_refused_over_a_socket_too(
    service: Service,
) -> None:
    answer = await raw_exchange(
        service, head("Content-Length: 2", "Connection: close", "Stripe-Signature: t=1,v1=é"), b"{}"
    )

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"signature_invalid" in answer


async def test_two_signatures_are_refused_even_where_both_are_right(local_service: Service) -> None:
    signature = sign(to_body(event()))

    answer = await local_service.client.post(
        "/webhooks/stripe",
        content=to_body(event()),
        headers=[("Stripe-Signature", signature), ("Stripe-Signature", signature)],
    )

    assert has_problem(answer, 400, "signature_invalid")


@pytest.mark.parametrize(
    "body",
    [gzip.compress(to_body(event())), json.dumps(event()).encode("utf-16"), b"\xff"],
    ids=["gzip", "utf-16", "0xff"],
)
async def test_a_body_that_is_not_utf_8_is_refused(endpoint: Service, body: bytes) -> None:
    answer = await endpoint.deliver(body)

    assert has_problem(answer, 400, "invalid_json")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"{'id': 1}",
        b"NaN",
        b'{"id": Infinity}',
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        to_body(event()) + b"x",
    ],
    ids=lambda body: body[:12].decode("ascii", "replace"),
)
async def test_a_signed_body_that_is_not_json_is_refused(endpoint: Service, body: bytes) -> None:
    answer = await endpoint.deliver(body)

    assert has_problem(answer, 400, "invalid_json")


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b'{"id":"\\ud800"}',
        b"[]",
        b'"x"',
        b"1",
        b"true",
        b"{}",
        b"[" * 400 + b"]" * 400,
        b'{"get": 1, "items": 2}',
        to_body({name: value for name, value in event().items() if name != "id"}),
        to_body(event(id=7)),
        to_body(event(type=None)),
        to_body(event(data=None)),
        to_body(event(data={"object": None})),
        to_body(event(object="charge")),
        to_body(event(livemode="false")),
        to_body(event(account=7)),
        to_body(event(created=-1)),
        b'{"id":"evt_1","type":"t","object":"event","created":1e999,"data":{"object":{}}}',
    ],
    ids=lambda body: body[:24].decode("ascii", "replace"),
)
async def test_a_signed_body_that_is_no_event_is_refused(endpoint: Service, body: bytes) -> None:
    answer = await endpoint.deliver(body)

    assert answer.json()["code"] in {"invalid_event", "invalid_json"}
    assert has_problem(answer, 400, answer.json()["code"])
    assert event_ids(endpoint) == []


async def test_an_event_that_is_nested_deeply_is_recorded(endpoint: Service) -> None:
    deep = b"[" * 400 + b"]" * 400
    body = to_body(event("x", {"deep": "HERE"})).replace(b'"HERE"', deep)

    answer = await endpoint.deliver(body)

    assert answer.json()["outcome"] == "recorded"


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=5,
)


@given(st.binary() | st.builds(to_body, ANY_JSON))
def test_signed_bodies_that_are_not_events_get_400(body: bytes) -> None:
    app = webhooks_over(SqliteDatabase(Path("never opened"), SilentAlarm()))

    async def deliver() -> int:
        async with in_process(app) as client:
            headers = {"Stripe-Signature": sign(body)}
            answer = await client.post("/webhooks/stripe", content=body, headers=headers)
            return answer.status_code

    assert asyncio.run(deliver()) == 400


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_another_method_is_answered_with_the_allowed_one(
    endpoint: Service, method: str, path: str
) -> None:
    answer = await endpoint.client.request(method, path)

    assert has_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


async def test_head_is_another_method_too(service: Service) -> None:
    answer = await service.client.head("/webhooks/stripe")

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/webhooks", "/webhooks/stripe/x", "/webhooks//stripe"])
async def test_an_address_beside_it_is_not_found(local_service: Service, path: str) -> None:
    answer = await local_service.deliver(event(), path=path)

    assert has_problem(answer, 404, "not_found")
