import random
import string
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import ASGIApp, Receive, Scope, Send

from app.bootstrap import create_app
from app.observability.metrics import METRICS_MEDIA_TYPE, Metrics
from app.observability.request_log import RequestLog
from tests.support.builders import event, in_process, settings, sign, to_body
from tests.support.wire import answer, hangs, upstream

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def series(exposition: str, prefix: str = "altan_checkout") -> Series:
    """Every sample by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
        if sample.name.startswith(prefix)
    }


def count(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"altan_checkout_{name}", labels)


async def answers(scope: Scope, _: Receive, send: Send) -> None:
    scope["state"]["route"] = "/known"
    await send({"type": "http.response.start", "status": 204, "headers": [(b"a", b"b")]})
    await send({"type": "http.response.body"})


async def breaks(_: Scope, __: Receive, ___: Send) -> None:
    raise RuntimeError("defect")


async def breaks_midway(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200})
    raise RuntimeError("defect")


async def leaves(_: Scope, __: Receive, ___: Send) -> None:
    return


async def get(app: ASGIApp) -> httpx.Response:
    async with in_process(app) as client:
        return await client.get("/known")


async def test_a_request_is_counted_and_timed_by_its_route(metrics: Metrics) -> None:
    response = await get(RequestLog(answers, metrics))

    assert response.headers["a"] == "b"
    assert count(metrics, "http_requests_total", route="/known", method="GET", status="204") == 1
    assert count(metrics, "http_request_seconds_count", route="/known") == 1


async def test_a_defect_before_the_answer_is_left_to_the_server(metrics: Metrics) -> None:
    with pytest.raises(RuntimeError):
        await get(RequestLog(breaks, metrics))

    counted = metrics.exposition().decode()
    assert sum(series(counted, "altan_checkout_http_requests_total").values()) == 1


async def test_a_defect_after_the_answer_began_ends_there(metrics: Metrics) -> None:
    await RequestLog(breaks_midway, metrics)(_scope("/x", "GET"), _nothing, _ignore)

    assert count(metrics, "http_requests_total", route="unmatched", method="GET", status="200") == 1


async def test_a_caller_who_left_unanswered_is_counted_as_such(metrics: Metrics) -> None:
    await RequestLog(leaves, metrics)(_scope("/x", "GET"), _nothing, _ignore)

    assert count(metrics, "http_requests_total", route="unmatched", method="GET", status="499") == 1


async def test_what_is_not_http_passes_unwatched(metrics: Metrics) -> None:
    seen: list[str] = []

    async def app(scope: Scope, _: Receive, __: Send) -> None:
        seen.append(scope["type"])

    await RequestLog(app, metrics)({"type": "lifespan"}, _nothing, _ignore)

    assert seen == ["lifespan"]
    assert series(metrics.exposition().decode(), "altan_checkout_http_requests_total") == {}


def _scope(path: str, method: str) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [],
        "client": ("203.0.113.9", 1),
        "server": ("service.test", 80),
    }


async def _nothing() -> dict[str, object]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _ignore(_: object) -> None:
    return


async def test_a_thousand_random_requests_make_no_series_of_their_own(database_path: Path) -> None:
    app = create_app(settings(database_path.parent))
    rng = random.Random(11)  # noqa: S311 reproducible, and nothing secret
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FETCH"]
    folders = ["/", "/checkout/", "/webhooks/stripe/", "/health/", "/docs/", "/checkout/cs_"]

    async def exposition() -> str:
        async with in_process(app) as client:
            return (await client.get("/metrics")).text

    def word() -> str:
        return "".join(rng.choices(string.ascii_letters + string.digits, k=8))

    for method in [*methods, word().upper()]:
        for folder in folders:
            await app(_scope(folder + word(), method), _nothing, _ignore)
    await exposition()
    before = set(series(await exposition()))
    for _ in range(1000):
        method = rng.choice([*methods, word().upper()])
        await app(_scope(rng.choice(folders) + word(), method), _nothing, _ignore)

    assert set(series(await exposition())) == before
    assert len(before) < 300


async def test_the_metrics_tell_of_requests_webhooks_and_upstream_calls(
    database_path: Path,
) -> None:
    cart = {"line_items": [{"price": "price_A", "quantity": 1}]}
    body = to_body(event())

    async with upstream(
        answer(b'{"url": "https://checkout.stripe.com/pay/cs_test_1"}'),
        *[answer(b"{}", "Retry-After: 0", status="500 No")] * 3,
        answer(b"{}", status="400 No"),
        hangs,
    ) as altan_pay:
        app = create_app(
            settings(database_path.parent, altan_pay_url=altan_pay.url, altan_pay_timeout_s=2)
        )
        async with in_process(app) as client:
            for _ in range(4):
                await client.post("/checkout", json=cart)
            signed = {"Stripe-Signature": sign(body)}
            await client.post("/webhooks/stripe", content=body, headers=signed)
            await client.post("/webhooks/stripe/", content=body, headers=signed)
            await client.post("/webhooks/stripe", content=body)
            response = await client.get("/metrics")

    assert response.headers["content-type"] == METRICS_MEDIA_TYPE
    found = series(response.text)
    calls = {
        dict(labels)["result"]: value
        for (name, labels), value in found.items()
        if name == "altan_checkout_altan_pay_calls_total"
    }
    webhooks = {
        dict(labels)["outcome"]: value
        for (name, labels), value in found.items()
        if name == "altan_checkout_webhooks_total"
    }
    requests = {
        (dict(labels)["route"], dict(labels)["status"]): value
        for (name, labels), value in found.items()
        if name == "altan_checkout_http_requests_total"
    }
    assert calls == {
        "ok": 1,
        "altan_pay_unavailable": 3,  # one checkout, three tries
        "cart_refused": 1,
        "cut_off": 1,
    }
    assert found["altan_checkout_altan_pay_call_seconds_count", ()] == 6
    assert webhooks == {"recorded": 1, "duplicate": 1, "signature_missing": 1}
    assert requests == {
        ("/checkout", "303"): 1,
        ("/checkout", "503"): 1,
        ("/checkout", "422"): 1,
        ("/checkout", "504"): 1,
        ("/webhooks/stripe", "200"): 2,
        ("/webhooks/stripe", "400"): 1,
    }


async def test_a_status_is_counted_by_its_route_and_not_by_its_id(database_path: Path) -> None:
    app = create_app(settings(database_path.parent))

    async with in_process(app) as client:
        await client.get("/checkout/cs_test_private")
        response = await client.get("/metrics")

    assert 'route="/checkout/{id}"' in response.text
    assert "cs_test_private" not in response.text


def test_two_services_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()

    one.webhooks.labels("recorded").inc()

    assert count(one, "webhooks_total", outcome="recorded") == 1
    assert count(other, "webhooks_total", outcome="recorded") is None


def test_the_process_itself_is_measured() -> None:
    exposition = Metrics().exposition().decode()

    assert "process_resident_memory_bytes" in exposition
    assert "python_info" in exposition
