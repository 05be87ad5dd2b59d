"""POST /reconcile: an operator looks at Stripe now."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import time
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.support.builders import event, service_in_process, settings
from tests.support.orders import ADMIN_TOKEN, TOKEN, TOKENS, bearer
from tests.support.stripe_api_calls import KEY, says_json
from tests.support.wire import Script, Upstream, answer, upstream

NOTHING = says_json({"object": "list", "data": [], "has_more": False})
FOUND = says_json({"object": "list", "data": [event()], "has_more": False})


@asynccontextmanager
async def shop(
    folder: Path, *scripts: Script | bytes, **changes: object
) -> AsyncIterator[tuple[httpx.AsyncClient, Upstream]]:
    async with upstream(*scripts) as server:
        keyed = {"stripe_api_key": KEY, "stripe_api_url": server.url, "reconcile_every_s": "off"}
        async with service_in_process(settings(folder, **TOKENS | keyed | changes)) as service:
            yield service.client, server


async def test_an_operator_sees_what_was_found(tmp_path: Path) -> None:
    async with shop(tmp_path, FOUND, NOTHING) as (client, _):
        answered = await client.post("/reconcile", headers=bearer(ADMIN_TOKEN))

    assert answered.status_code == 200
    assert answered.json() == {"seen": 1, "new": 1, "changed": 1, "failed": 0}
    assert answered.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("query", "age_s", "is_all"),
    [("", 2_592_000, False), ("?since=2h", 7_200, False), ("?since=3m&all=true", 180, True)],
)
async def test_how_far_back_and_what_may_be_asked_for(
    tmp_path: Path, query: str, age_s: int, *, is_all: bool
) -> None:
    async with shop(tmp_path, NOTHING) as (client, server):
        await client.post(f"/reconcile{query}", headers=bearer(ADMIN_TOKEN))

    asked = parse_qs(urlsplit(server.requests[0].line.split(" ")[1]).query)
    assert abs(time() - age_s - int(asked["created[gte]"][0])) < 60
    assert ("delivery_success" not in asked) is is_all


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("?since=31d", ["since"]),
        ("?since=0d", ["since"]),
        ("?since=week", ["since"]),
        ("?all=yes&until=7", ["all", "until"]),
        ("?since=1d&since=2d", ["since"]),
    ],
)
async def test_a_wrong_parameter_is_named(tmp_path: Path, query: str, wrong: list[str]) -> None:
    async with shop(tmp_path, NOTHING) as (client, server):
        answered = await client.post(f"/reconcile{query}", headers=bearer(ADMIN_TOKEN))

    assert answered.status_code == 422
    assert [fault["parameter"] for fault in answered.json()["errors"]] == wrong
    assert server.requests == []


async def test_what_stripe_does_not_tell_is_counted(tmp_path: Path) -> None:
    async with shop(tmp_path, answer(b"", status="500 No")) as (client, _):
        answered = await client.post("/reconcile", headers=bearer(ADMIN_TOKEN))

    assert answered.json() == {"seen": 0, "new": 0, "changed": 0, "failed": 1}


async def test_a_refused_key_alerts_also_if_only_an_operator_asks(tmp_path: Path) -> None:
    line = 'altan_checkout_alerts_total{name="stripe_key_refused"} '
    async with shop(tmp_path, answer(b"", status="401 Unauthorized")) as (client, _):
        before = (await client.get("/metrics")).text
        answered = await client.post("/reconcile", headers=bearer(ADMIN_TOKEN))
        after = (await client.get("/metrics")).text

    assert answered.json()["failed"] > 0
    assert f"{line}0.0" in before
    assert f"{line}1.0" in after


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [(TOKEN, 403, "forbidden"), ("wrong" * 6, 401, "unauthorized")],
)
async def test_others_may_not(tmp_path: Path, token: str, status: int, code: str) -> None:
    async with shop(tmp_path, NOTHING) as (client, server):
        answered = await client.post("/reconcile", headers=bearer(token))

    assert (answered.status_code, answered.json()["code"]) == (status, code)
    assert server.requests == []


async def test_without_a_key_it_is_not_there(tmp_path: Path) -> None:
    async with shop(tmp_path, NOTHING, stripe_api_key=None) as (client, _):
        answered = await client.post("/reconcile", headers=bearer(ADMIN_TOKEN))

    assert (answered.status_code, answered.json()["code"]) == (404, "not_found")
    assert "STRIPE_API_KEY" in answered.json()["detail"]
