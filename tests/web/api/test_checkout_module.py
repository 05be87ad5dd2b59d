"""GET /checkout.js and its types: the content, and how long it may be cached."""

import base64
import hashlib
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from app.domain.payments.status import PaymentStatus
from app.web.api.checkout_module import without_comments
from app.web.statuses import STATUS
from tests.support.builders import ROOT, Service

SHOP = "https://shop.example"  # of the tests' settings
PATHS = ["/checkout.js", "/checkout.d.ts"]
FOR_WEBHOOKS = {"signature_missing", "signature_invalid", "invalid_event"}
FOR_THE_SHOPS_SERVER = {"unauthorized", "forbidden", "invalid_query", "cursor_expired"}
ON_NO_WAY_OF_THE_MODULE = FOR_WEBHOOKS | FOR_THE_SHOPS_SERVER | {"invalid_wait"}


@pytest.fixture
def client(local_service: Service) -> httpx.AsyncClient:
    return local_service.client


async def pinned_path(client: httpx.AsyncClient) -> str:
    return (await client.get("/checkout.js")).headers["content-location"]


# What is served


async def test_the_module_is_small(client: httpx.AsyncClient) -> None:
    script = (await client.get("/checkout.js")).content

    assert 2000 < len(script) <= 3072
    assert re.findall(r"(?m)^export (?:async )?(?:class|function) (\w+)", script.decode()) == [
        "CheckoutError",
        "startCheckout",
        "watchCheckout",
    ]


async def test_the_module_depends_on_nothing(client: httpx.AsyncClient) -> None:
    assert not re.search(r"\bimport\b(?!\.meta)", (await client.get("/checkout.js")).text)


def test_only_indentation_and_lines_of_comment_are_left_out() -> None:
    script = 'let a; // kept\n\n// gone\n  if (a) {\n    b("// kept");\n  }\n'

    assert without_comments(script) == 'let a; // kept\nif (a) {\nb("// kept");\n}\n'


@pytest.mark.parametrize(
    ("path", "media_type"), [("/checkout.js", "text/javascript"), ("/checkout.d.ts", "text/plain")]
)
async def test_a_browser_takes_it_for_what_it_is_and_on_any_page(
    client: httpx.AsyncClient, path: str, media_type: str
) -> None:
    headers = (await client.get(path)).headers

    assert headers["content-type"] == f"{media_type}; charset=utf-8"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "cross-origin"


@pytest.mark.parametrize("path", PATHS)
async def test_head_has_the_same_headers(client: httpx.AsyncClient, path: str) -> None:
    got, headed = await client.get(path), await client.head(path)

    assert headed.status_code == 200
    assert without_id(headed.headers) == without_id(got.headers)


async def test_head_has_no_body(service: Service) -> None:
    assert (await service.client.head("/checkout.js")).content == b""


def without_id(headers: httpx.Headers) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "x-request-id"}


# How long it is kept


@pytest.mark.parametrize("path", PATHS)
async def test_it_is_kept_for_minutes_and_then_only_asked_after(
    client: httpx.AsyncClient, path: str
) -> None:
    first = await client.get(path)
    again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})
    other = await client.get(path, headers={"If-None-Match": '"of-another-version"'})

    assert first.headers["cache-control"] == "public, max-age=300"
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert other.status_code == 200


async def test_at_its_pinned_address_it_is_kept_for_ever(client: httpx.AsyncClient) -> None:
    latest = await client.get("/checkout.js")
    path = latest.headers["content-location"]

    pinned = await client.get(path)

    assert re.fullmatch(r"checkout\.[0-9a-f]{16}\.js", path)  # relative, for a proxy's path
    assert pinned.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert pinned.content == latest.content
    assert (await client.head(path)).status_code == 200


async def test_the_hash_of_another_version_leads_to_the_latest(client: httpx.AsyncClient) -> None:
    answer = await client.get("/checkout.0123456789abcdef.js")

    assert (answer.status_code, answer.headers["location"]) == (307, "checkout.js")
    assert answer.headers["cache-control"] == "no-store"


async def test_the_tag_is_the_digest_that_integrity_takes(client: httpx.AsyncClient) -> None:
    answer = await client.get("/checkout.js")

    digest = base64.b64encode(hashlib.sha384(answer.content).digest()).decode()
    assert answer.headers["etag"] == f'"sha384-{digest}"'


async def test_endless_hashes_are_counted_as_one_route(client: httpx.AsyncClient) -> None:
    for n in range(3):
        await client.get(f"/checkout.{n}.js")
    await client.get(await pinned_path(client))

    metrics = (await client.get("/metrics")).text

    assert set(re.findall(r'requests_total\{.*?route="(/checkout\..*?)"', metrics)) == {
        "/checkout.js",
        "/checkout.{hash}.js",
    }


# That it fits the service


async def test_the_types_name_every_code_that_the_module_can_meet(
    client: httpx.AsyncClient,
) -> None:
    codes = {error.code for error in STATUS}

    assert set(union(await types(client), "ServiceErrorCode")) == codes - ON_NO_WAY_OF_THE_MODULE


async def test_the_types_name_every_status(client: httpx.AsyncClient) -> None:
    assert union(await types(client), "PaymentStatus") == list(PaymentStatus)


async def test_the_types_of_a_payment_are_those_of_the_published_schema(
    client: httpx.AsyncClient,
) -> None:
    components = (await client.get("/openapi.json")).json()["components"]["schemas"]
    payment = components["Payment"]["properties"]
    subscription = components["Subscription"]

    text = await types(client)

    assert fields(text, "Payment") == list(payment)
    assert fields(text, "Subscription") == list(subscription["properties"])


async def test_the_module_ends_its_watch_just_where_nothing_more_can_happen(
    client: httpx.AsyncClient,
) -> None:
    (pattern,) = re.findall(r"/([a-z|]+)/\.test\(payment\.status\)", await script(client))

    assert {status for status in PaymentStatus if re.search(pattern, status)} == {
        status for status in PaymentStatus if status.is_final
    }


async def script(client: httpx.AsyncClient) -> str:
    return (await client.get("/checkout.js")).text


async def types(client: httpx.AsyncClient) -> str:
    return (await client.get("/checkout.d.ts")).text


def union(types: str, name: str) -> Sequence[str]:
    """The words of a type that is one of several."""
    return re.findall(r'"(\w+)"', types.partition(f"export type {name} =")[2].partition(";")[0])


def fields(types: str, name: str) -> Sequence[str]:
    body = types.partition(f"export interface {name} {{")[2].partition("\n}")[0]
    return re.findall(r"(?m)^  (\w+)\??:", body)


def test_the_wheel_has_them(tmp_path: Path) -> None:
    subprocess.run(  # noqa: S603 our own build
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )

    (wheel,) = tmp_path.glob("*.whl")
    assert {"app/web/api/static/checkout.js", "app/web/api/static/checkout.d.ts"} <= set(
        zipfile.ZipFile(wheel).namelist()
    )
