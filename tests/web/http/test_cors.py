"""What scripts of other origins may send, and which answers they may read."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.http.cors import HEADER_NAMES_MAX, Cors
from tests.support.builders import Service, in_process, service_in_process, settings

SHOP, SECOND, FOREIGN = "https://shop.example", "https://de.shop.example", "https://evil.example"
ORIGINS = [None, SHOP, SECOND, FOREIGN, "null"]
CART = {"line_items": [{"price": "price_A", "quantity": 1}]}


@pytest.fixture
async def client(database_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A service that two origins of a shop may call."""
    folder = database_path.parent
    async with service_in_process(settings(folder, allowed_origins=[SHOP, SECOND])) as service:
        yield service.client


async def public_files(client: httpx.AsyncClient) -> list[str]:
    pinned = (await client.get("/checkout.js")).headers["content-location"]
    return [
        "/checkout.js",
        "/checkout.d.ts",
        f"/{pinned}",
        "/checkout/page.js",
        "/checkout/page.js?v=1",
    ]


def preflight(origin: str, **headers: str) -> dict[str, str]:
    asked = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"Origin": origin, "Access-Control-Request-Method": "POST"} | asked


# Public files


async def test_a_public_file_is_the_same_for_every_origin_so_that_any_cache_may_keep_it(
    client: httpx.AsyncClient,
) -> None:
    for path in [*await public_files(client), "/checkout.0000000000000000.js"]:
        answers = [
            await client.request(method, path, headers={"Origin": origin} if origin else {})
            for method in ("GET", "HEAD")
            for origin in ORIGINS
        ]

        for answer in answers:
            assert answer.headers.get_list("access-control-allow-origin") == ["*"], path
            assert "origin" not in answer.headers.get("vary", "").lower(), path
            assert "access-control-allow-credentials" not in answer.headers
            assert answer.headers["cross-origin-resource-policy"] == "cross-origin", path


@pytest.mark.parametrize("path", ["/checkout.js", "/checkout.d.ts"])
async def test_what_has_not_changed_is_the_same_for_every_origin_too(
    client: httpx.AsyncClient, path: str
) -> None:
    tag = (await client.get(path)).headers["etag"]

    for origin in (SHOP, FOREIGN):
        answer = await client.get(path, headers={"Origin": origin, "If-None-Match": tag})

        assert answer.status_code == 304
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "vary" not in answer.headers


async def test_a_wrapper_that_adds_headers_may_fetch_a_public_file_from_anywhere(
    client: httpx.AsyncClient,
) -> None:
    asked = preflight(FOREIGN, Access_Control_Request_Headers="traceparent")

    answer = await client.options("/checkout.js", headers=asked)

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert allowed_by(answer) >= {"traceparent"}


# All else


@pytest.mark.parametrize("path", ["/checkout/cs_test_1", "/checkout/cs_test_1/events", "/nowhere"])
@pytest.mark.parametrize("origin", ORIGINS)
async def test_all_else_is_for_the_shops_pages_and_says_that_it_differs_by_origin(
    client: httpx.AsyncClient, path: str, origin: str | None
) -> None:
    answer = await client.get(path, headers={"Origin": origin} if origin else {})

    allowed = origin if origin in (SHOP, SECOND) else None
    assert answer.headers.get("access-control-allow-origin") == allowed
    assert "Origin" in answer.headers["vary"].split(", ")
    assert "access-control-allow-credentials" not in answer.headers


async def test_an_origin_is_compared_as_browsers_write_it(client: httpx.AsyncClient) -> None:
    answer = await client.get("/checkout/cs_test_1", headers={"Origin": "HTTPS://Shop.Example"})

    assert answer.headers["access-control-allow-origin"] == "HTTPS://Shop.Example"


async def test_a_script_reads_when_to_come_back_and_what_to_tell_the_owner(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/checkout", json=CART, headers={"Origin": SHOP})

    exposed = set(answer.headers["access-control-expose-headers"].lower().split(", "))
    assert exposed >= {"retry-after", "location", "x-request-id", "etag"}
    assert answer.headers["retry-after"]  # Altan Pay cannot be reached


# Preflights


@pytest.mark.parametrize(
    "names",
    [
        "content-type,idempotency-key",
        "content-type,traceparent,tracestate",
        "baggage,content-type,sentry-trace",
        "hx-current-url,hx-request,hx-target,hx-trigger",
        "authorization",
        "AUTHORIZATION",
        "x-csrf-token,x-requested-with",
        "x-datadog-origin, x-datadog-parent-id,\tx-datadog-trace-id",
        "newrelic ,  content-type  ",
        "if-none-match,last-event-id",
        "content-type,",
        ",content-type",
        ",,content-type,,traceparent,",
        ",",
        " ",
        "",
        "content-type,content-type",
    ],
)
async def test_a_preflight_allows_any_headers_that_a_page_adds(
    client: httpx.AsyncClient, names: str
) -> None:
    asked = preflight(SECOND, Access_Control_Request_Headers=names)

    answer = await client.options("/checkout", headers=asked)

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == SECOND
    assert "access-control-allow-credentials" not in answer.headers
    wanted = {name.strip().lower() for name in names.split(",")} - {""}
    assert allowed_by(answer) >= wanted | {"content-type", "idempotency-key"}


async def test_a_preflight_that_asks_for_no_header_is_allowed(client: httpx.AsyncClient) -> None:
    answer = await client.options("/checkout/cs_test_1/events", headers=preflight(SHOP))

    assert answer.status_code == 200
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-max-age"] == "7200"


async def test_names_in_several_lines_are_all_allowed(client: httpx.AsyncClient) -> None:
    lines = [("Access-Control-Request-Headers", name) for name in ("baggage", "hx-request")]

    answer = await client.options("/checkout", headers=[*preflight(SHOP).items(), *lines])

    assert allowed_by(answer) >= {"baggage", "hx-request"}


async def test_a_page_on_the_public_net_may_call_a_service_on_this_machine(
    client: httpx.AsyncClient,
) -> None:
    asked = preflight(SHOP, Access_Control_Request_Private_Network="true")

    assert (await client.options("/checkout", headers=asked)).status_code == 200


async def test_a_foreign_pages_preflight_is_refused_with_what_to_do(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.options("/checkout", headers=preflight(FOREIGN))

    assert (answer.status_code, "ALLOWED_ORIGINS" in answer.text) == (400, True)
    assert "access-control-allow-origin" not in answer.headers


async def test_options_that_is_no_preflight_is_an_ordinary_request(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.options("/checkout", headers={"Origin": SHOP})

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.headers["access-control-allow-origin"] == SHOP


async def test_the_webhook_is_for_no_page(client: httpx.AsyncClient) -> None:
    answer = await client.options("/webhooks/stripe", headers=preflight(SHOP))

    assert "access-control-allow-origin" not in answer.headers


async def test_an_endless_list_is_answered_by_a_short_one(client: httpx.AsyncClient) -> None:
    names = ",".join(f"x-{n}" for n in range(3000)) + "," + "x" * 5000

    asked = preflight(SHOP, Access_Control_Request_Headers=names)
    answer = await client.options("/checkout", headers=asked)

    assert answer.status_code == 200
    assert len(allowed_by(answer)) == HEADER_NAMES_MAX
    assert allowed_by(answer) >= {"authorization", "x-0"}


@hypothesis.settings(deadline=None)
@given(st.text(st.characters(min_codepoint=1, max_codepoint=255, exclude_characters="\r\n")))
async def test_only_valid_header_names_are_echoed(text: str) -> None:
    async with in_process(Cors(unreachable, frozenset({SHOP}))) as client:
        asked = preflight(SHOP) | {"Access-Control-Request-Headers": text}
        sent = [(name.encode(), value.encode("latin-1")) for name, value in asked.items()]
        answer = await client.options("/checkout", headers=sent)

    assert answer.status_code == 200
    assert all(name and " " not in name and name.isascii() for name in allowed_by(answer))


async def unreachable(*_: object) -> None:
    raise AssertionError("a preflight is answered before the service")


async def test_what_is_no_request_is_handed_on() -> None:
    seen: list[str] = []

    async def app(scope: dict[str, str], *_: object) -> None:
        seen.append(scope["type"])

    await Cors(app, frozenset())({"type": "lifespan"}, unreachable, unreachable)  # type: ignore[arg-type]

    assert seen == ["lifespan"]


async def test_the_module_itself_needs_nothing_that_is_not_allowed(
    local_service: Service,
) -> None:
    sent = "accept,content-type,idempotency-key,if-none-match"

    asked = preflight(SHOP, Access_Control_Request_Headers=sent)
    answer = await local_service.client.options("/checkout", headers=asked)

    assert allowed_by(answer) >= set(sent.split(","))


def allowed_by(answer: httpx.Response) -> set[str]:
    return set(answer.headers["access-control-allow-headers"].lower().split(", "))
