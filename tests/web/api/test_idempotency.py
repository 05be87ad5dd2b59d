"""Keys with the whole service: one session, despite clicks, crashes and restarts."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlencode

import httpx
import orjson
import pytest

from app.checkouts import LEASE_MARGIN_S
from tests.support.builders import DEADLINE_S, running_service, service_in_process, settings
from tests.support.builders import query as rows_of
from tests.support.processes import running_process
from tests.support.wire import Connection, Script, Upstream, answer, hangs, upstream

CART: Mapping[str, object] = {
    "line_items": [{"price": "price_A", "quantity": 1}, {"price": "price_B", "quantity": 2}]
}
REORDERED: Mapping[str, object] = {
    "line_items": [{"price": "price_B", "quantity": 2}, {"price": "price_A", "quantity": 1}]
}
ANOTHER: Mapping[str, object] = {"line_items": [{"price": "price_A", "quantity": 2}]}
KEY = "3f9c a click on Buy"
BUSY = answer(b"", "Retry-After: 0", status="503 Service Unavailable")


def makes_pages(gate: asyncio.Event | None = None) -> Script:
    """Every call gets a session of its own, once `gate` is open."""
    numbers: Iterator[int] = count(1)

    async def script(connection: Connection) -> None:
        if gate:
            await gate.wait()
        url = f"https://checkout.stripe.com/c/pay/cs_test_{next(numbers)}"
        await connection.send(answer(orjson.dumps({"url": url})))

    return script


@asynccontextmanager
async def shop(
    database_path: Path, *scripts: Script | bytes
) -> AsyncIterator[tuple[httpx.AsyncClient, Upstream]]:
    async with upstream(*(scripts or (makes_pages(),))) as altan_pay:
        folder = database_path.parent
        async with service_in_process(settings(folder, altan_pay_url=altan_pay.url)) as service:
            yield service.client, altan_pay


async def buy(
    client: httpx.AsyncClient, cart: Mapping[str, object] = CART, *, key: str | None = KEY
) -> httpx.Response:
    headers = {"Accept": "application/json"} | ({"Idempotency-Key": key} if key else {})
    return await client.post("/checkout", json=cart, headers=headers)


def key_states(database_path: Path) -> list[str]:
    return [row["state"] for row in rows_of(database_path, "SELECT state FROM idempotency_keys")]


async def test_the_same_key_and_cart_get_the_same_answer(database_path: Path) -> None:
    async with shop(database_path) as (client, altan_pay):
        answers = [await buy(client, cart) for cart in (CART, CART, REORDERED)]

        assert [answer.status_code for answer in answers] == [200] * 3
        assert len({answer.content for answer in answers}) == 1
        assert len(altan_pay.requests) == 1


async def test_two_at_once_over_sockets_make_one_session(database_path: Path) -> None:
    gate = asyncio.Event()
    async with upstream(makes_pages(gate)) as altan_pay:
        folder = database_path.parent
        async with running_service(settings(folder, altan_pay_url=altan_pay.url)) as service:
            clicks = [asyncio.create_task(buy(service.client)) for _ in range(2)]
            await altan_pay.wait_for_requests(1)
            gate.set()
            first, second = await asyncio.gather(*clicks)

        assert len(altan_pay.requests) == 1
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()


async def test_without_a_key_the_same_cart_twice_makes_two_sessions(database_path: Path) -> None:
    async with shop(database_path) as (client, altan_pay):
        first, second = await buy(client, key=None), await buy(client, key=None)

        assert len(altan_pay.requests) == 2
    assert first.json()["url"] != second.json()["url"]


async def test_a_form_holds_its_key_in_a_hidden_field_that_means_the_same(
    database_path: Path,
) -> None:
    form = [("price", "price_A"), ("quantity", "1"), ("price", "price_B"), ("quantity", "2")]
    body = urlencode([*form, ("idempotency_key", KEY)])
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
    }

    async with shop(database_path) as (client, altan_pay):
        by_form = await client.post("/checkout", content=body, headers=headers)
        by_header = await buy(client)

        assert len(altan_pay.requests) == 1
    assert by_form.json() == by_header.json()


async def test_a_header_wins_over_a_forms_field(database_path: Path) -> None:
    body = urlencode({"price": "price_A", "quantity": "1", "idempotency_key": "of the form"})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": "1"}

    async with shop(database_path) as (client, altan_pay):
        for number in range(2):
            await client.post(
                "/checkout", content=body, headers=headers | {"Idempotency-Key": f"{number}"}
            )

        assert len(altan_pay.requests) == 2


@pytest.mark.parametrize(
    "change",
    [
        ANOTHER,
        {**CART, "mode": "subscription"},
        {**CART, "client_reference_id": "order-2"},
        {**CART, "success_url": "https://shop.example/thanks"},
        {**CART, "cancel_url": "https://shop.example/cart"},
    ],
    ids=["items", "mode", "reference", "success", "cancel"],
)
async def test_the_key_of_another_cart_is_refused(
    database_path: Path, change: Mapping[str, object]
) -> None:
    async with shop(database_path) as (client, altan_pay):
        await buy(client)
        refused = await buy(client, change)

        assert len(altan_pay.requests) == 1
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    "key", [b"", b"k" * 256, b"a\tb", "käse".encode("latin-1"), "ключ".encode()]
)
async def test_a_key_of_another_form_is_refused(database_path: Path, key: bytes) -> None:
    async with shop(database_path) as (client, altan_pay):
        refused = await client.post("/checkout", json=CART, headers=[(b"Idempotency-Key", key)])

        assert altan_pay.requests == []
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_cart")
    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/idempotency_key"]


@pytest.mark.parametrize(("second", "status"), [(b"k-1", 200), (b"k-2", 422)])
async def test_a_key_that_is_there_twice_must_be_the_same(
    database_path: Path, second: bytes, status: int
) -> None:
    keys = [(b"Accept", b"application/json"), (b"Idempotency-Key", b"k-1")]
    async with shop(database_path) as (client, altan_pay):
        answered = await client.post(
            "/checkout", json=CART, headers=[*keys, (b"Idempotency-Key", second)]
        )

        assert len(altan_pay.requests) == (status == 200)
    assert answered.status_code == status
    if status == 422:
        assert answered.json()["code"] == "invalid_cart"
        assert [fault["pointer"] for fault in answered.json()["errors"]] == ["/idempotency_key"]


@pytest.mark.parametrize("key", ["k", "k" * 255, " ~!"])
async def test_a_key_at_the_edge_of_its_form_is_taken(database_path: Path, key: str) -> None:
    async with shop(database_path) as (client, _):
        assert (await buy(client, key=key)).status_code == 200


async def test_no_key_is_kept_as_it_came(database_path: Path) -> None:
    async with shop(database_path) as (client, _):
        await buy(client)

    (row,) = rows_of(database_path, "SELECT * FROM idempotency_keys")
    assert KEY not in str(row)


async def test_a_refused_cart_frees_its_key(database_path: Path) -> None:
    refusal = answer(b"{}", status="400 Bad Request")

    async with shop(database_path, refusal, makes_pages()) as (client, _):
        refused = await buy(client)
        after_refusal = key_states(database_path)
        bought = await buy(client, ANOTHER)

    assert (refused.status_code, bought.status_code) == (422, 200)
    assert (after_refusal, key_states(database_path)) == ([], ["open"])


async def test_an_altan_pay_that_stays_down_frees_the_key(database_path: Path) -> None:
    async with shop(database_path, BUSY, BUSY, BUSY, makes_pages()) as (client, _):
        down, up = await buy(client), await buy(client)

    assert (down.status_code, up.status_code) == (503, 200)


async def test_the_answer_survives_a_restart(database_path: Path) -> None:
    async with shop(database_path) as (client, _):
        before = await buy(client)
    async with shop(database_path) as (client, altan_pay):
        after = await buy(client)

        assert altan_pay.requests == []
    assert after.json() == before.json()


async def test_a_process_killed_between_the_two_transactions_is_succeeded(
    database_path: Path,
) -> None:
    """SIGKILL while Altan Pay is being asked: the key says `creating`, and nobody works on it."""
    folder, timeout_s = database_path.parent, 0.5
    async with upstream(hangs, makes_pages()) as altan_pay:
        environment = {"ALTAN_PAY_URL": altan_pay.url, "ALTAN_PAY_TIMEOUT_S": "30"}
        async with running_process(folder, **environment) as running:
            click = asyncio.create_task(buy(running.service.client))
            await altan_pay.wait_for_requests(1)
            running.process.kill()
            with pytest.raises(httpx.TransportError):
                await click
        (left,) = rows_of(database_path, "SELECT * FROM idempotency_keys")
        # As if its lease had been granted under the second process's shorter deadline, long ago.
        lease_ms = int((timeout_s + LEASE_MARGIN_S) * 1000)
        past_ms = int(time.time() * 1000) - lease_ms
        rows_of(database_path, "UPDATE idempotency_keys SET lease_until_ms = ?", past_ms)

        environment["ALTAN_PAY_TIMEOUT_S"] = str(timeout_s)
        async with running_process(folder, **environment) as running:
            first, second = await buy(running.service.client), await buy(running.service.client)

        assert len(altan_pay.requests) == 2
    assert left["state"] == "creating"
    assert left["lease_until_ms"] - left["created_at_ms"] == (30 + LEASE_MARGIN_S) * 1000
    assert first.status_code == 200
    assert first.json() == second.json()
    assert key_states(database_path) == ["open"]
    (checkout,) = rows_of(database_path, "SELECT id FROM checkouts")
    assert checkout["id"] == first.json()["checkout_id"] != left["checkout_id"]


async def test_a_sender_that_waits_too_long_must_retry(database_path: Path) -> None:
    """The full ten seconds are the contract's; the clock here is the real one."""
    async with upstream(hangs) as altan_pay:
        changes = {"altan_pay_url": altan_pay.url, "altan_pay_timeout_s": 30}
        async with service_in_process(settings(database_path.parent, **changes)) as service:
            first = asyncio.create_task(buy(service.client))
            await altan_pay.wait_for_requests(1)
            began_s = time.monotonic()
            told = await asyncio.wait_for(buy(service.client), DEADLINE_S)
            waited_s = time.monotonic() - began_s
            is_still_under_way = not first.done()
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)

    assert (told.status_code, told.json()["code"]) == (409, "checkout_in_progress")
    assert int(told.headers["Retry-After"]) > 0
    assert waited_s >= 10
    assert is_still_under_way
