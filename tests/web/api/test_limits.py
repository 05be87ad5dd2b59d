"""Limits with the whole service: who is refused, with which message, and which alert."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import orjson
import pytest

from tests.support.builders import Service, running_service, settings
from tests.support.orders import ADMIN_TOKEN, TOKEN, TOKENS
from tests.support.wire import Upstream, answer, closed_port, upstream

GOOD = answer(orjson.dumps({"url": "https://checkout.stripe.com/c/pay/cs_test_1"}))


@asynccontextmanager
async def shop(database_path: Path, **changes: object) -> AsyncIterator[tuple[Service, Upstream]]:
    async with upstream(GOOD) as altan_pay:
        changes = {"altan_pay_url": altan_pay.url, **changes}
        async with running_service(settings(database_path.parent, **changes)) as service:
            yield service, altan_pay


async def buy(service: Service, price: str = "price_A", **headers: str) -> httpx.Response:
    cart = {"line_items": [{"price": price, "quantity": 1}]}
    headers = {"Accept": "application/json", **headers}
    return await service.client.post("/checkout", json=cart, headers=headers)


async def alerts(service: Service, name: str) -> float:
    metrics = (await service.client.get("/metrics")).text
    line = f'altan_checkout_alerts_total{{name="{name}"}} '
    return float(metrics.partition(line)[2].partition("\n")[0])


async def test_one_client_too_many_times_is_a_429_that_says_when_to_come_again(
    database_path: Path,
) -> None:
    async with shop(database_path, rate_limit_checkout="2/hour") as (service, altan_pay):
        bought = [(await buy(service)).status_code for _ in range(2)]
        refused = await buy(service)
        status = await service.client.get("/checkout/cs_test_1")

        assert len(altan_pay.requests) == 2
        assert await alerts(service, "card_testing_suspected") == 0
    assert bought == [200, 200]
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert refused.headers["RateLimit-Limit"] == "2"
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert refused.headers["RateLimit-Reset"] == refused.headers["Retry-After"]
    assert status.status_code != 429


@pytest.mark.parametrize("token", [TOKEN, ADMIN_TOKEN])
async def test_the_shops_own_server_is_not_limited_by_its_address(
    database_path: Path, token: str
) -> None:
    async with shop(database_path, rate_limit_checkout="2/hour", **TOKENS) as (service, _):
        from_server = {"Authorization": f"Bearer {token}"}
        sold = [(await buy(service, **from_server)).status_code for _ in range(4)]
        others = [(await buy(service)).status_code for _ in range(3)]
        sold_later = (await buy(service, **from_server)).status_code

    assert sold == [200] * 4
    assert others == [200, 200, 429]
    assert sold_later == 200


@pytest.mark.parametrize("authorization", [f"Bearer {TOKEN}x", "Bearer", f"Basic {TOKEN}"])
async def test_a_wrong_token_counts_for_its_address(
    database_path: Path, authorization: str
) -> None:
    async with shop(database_path, rate_limit_checkout="2/hour", **TOKENS) as (service, _):
        answers = [(await buy(service, Authorization=authorization)) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]


@pytest.mark.parametrize("limit", ["rate_limit_price", "rate_limit_global"])
async def test_the_limits_of_all_apply_to_the_shops_own_server(
    database_path: Path, limit: str
) -> None:
    async with shop(database_path, **{limit: "3/hour"}, **TOKENS) as (service, _):
        sold = [await buy(service, Authorization=f"Bearer {TOKEN}") for _ in range(5)]

    assert [answer.status_code for answer in sold] == [200] * 3 + [429] * 2


@pytest.mark.parametrize("limit", ["rate_limit_price", "rate_limit_global"])
async def test_the_shops_own_server_is_not_refused_before_the_strangers_who_took_most(
    database_path: Path, limit: str
) -> None:
    changes = {limit: "20/day", "trusted_proxies": "127.0.0.1"}
    async with shop(database_path, **changes, **TOKENS) as (service, _):
        from_server = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "192.0.2.1"}
        early = [(await buy(service, **from_server)).status_code for _ in range(8)]
        strangers = [
            (await buy(service, **{"X-Forwarded-For": "198.51.100.66"})).status_code
            for _ in range(10)
        ]
        late = [(await buy(service, **from_server)).status_code for _ in range(6)]

    assert early == [200] * 8
    assert strangers.count(429) == 3
    assert late == [200] * 5 + [429]  # what all clients share is used up


@pytest.mark.parametrize("limit", ["rate_limit_price", "rate_limit_global"])
async def test_thousands_of_addresses_meet_the_limits_of_all(
    database_path: Path, limit: str
) -> None:
    changes = {limit: "3/hour", "trusted_proxies": "127.0.0.1"}
    async with shop(database_path, **changes) as (service, altan_pay):
        answers = [
            await buy(service, **{"X-Forwarded-For": f"198.51.100.{number}"}) for number in range(6)
        ]
        another = await buy(service, "price_B", **{"X-Forwarded-For": "192.0.2.1"})

        assert [answer.status_code for answer in answers] == [200] * 3 + [429] * 3
        assert len(altan_pay.requests) == 3 + (limit == "rate_limit_price")
        assert another.status_code == (200 if limit == "rate_limit_price" else 429)
        assert await alerts(service, "card_testing_suspected") >= 3


@pytest.mark.parametrize("limit", ["rate_limit_price", "rate_limit_global"])
async def test_a_network_that_took_most_is_refused_while_a_newcomer_still_buys(
    database_path: Path, limit: str
) -> None:
    changes = {limit: "20/day", "trusted_proxies": "127.0.0.1"}
    async with shop(database_path, **changes) as (service, _):
        greedy = [
            (await buy(service, **{"X-Forwarded-For": "198.51.100.66"})).status_code
            for _ in range(25)
        ]
        newcomer = await buy(service, **{"X-Forwarded-For": "192.0.2.1"})

        assert await alerts(service, "card_testing_suspected") == 10
    assert greedy == [200] * 15 + [429] * 10
    assert newcomer.status_code == 200


async def test_a_household_with_a_whole_56_cannot_use_up_what_is_for_all(
    database_path: Path,
) -> None:
    changes = {"rate_limit_global": "40/day", "trusted_proxies": "127.0.0.1"}
    async with shop(database_path, rate_limit_checkout="5/day", **changes) as (service, _):
        household = [
            await buy(service, **{"X-Forwarded-For": f"2001:db8:1:{number:x}::1"})
            for number in range(50)
        ]
        buyer = await buy(service, **{"X-Forwarded-For": "2001:db8:2::1"})

    assert [answer.status_code for answer in household] == [200] * 20 + [429] * 30
    assert household[-1].headers["RateLimit-Limit"] == "20"
    assert buyer.status_code == 200


async def test_a_made_up_address_makes_nobody_another_client(database_path: Path) -> None:
    async with shop(database_path, rate_limit_checkout="2/hour") as (service, _):
        answers = [
            await buy(service, **{"X-Forwarded-For": f"198.51.100.{number}"}) for number in range(3)
        ]

    assert [answer.status_code for answer in answers] == [200, 200, 429]


async def test_behind_a_proxy_each_address_has_its_own_count_and_a_made_up_left_part_counts_not(
    database_path: Path,
) -> None:
    changes = {"rate_limit_checkout": "1/hour", "trusted_proxies": "127.0.0.0/8"}
    async with shop(database_path, **changes) as (service, _):
        answers = [
            await buy(service, **{"X-Forwarded-For": forwarded})
            for forwarded in ("192.0.2.1", "1.1.1.1, 192.0.2.1", "192.0.2.2")
        ]

    assert [answer.status_code for answer in answers] == [200, 429, 200]


async def test_off_lifts_all_of_them(database_path: Path) -> None:
    async with shop(database_path, rate_limit_checkout="off") as (service, _):
        answers = [(await buy(service)).status_code for _ in range(40)]

    assert set(answers) == {200}


async def test_a_dead_redis_stops_no_sale_and_is_counted(database_path: Path) -> None:
    url = f"redis://127.0.0.1:{closed_port()}"
    changes = {"rate_limit_checkout": "1/hour", "rate_limit_storage": url}
    async with shop(database_path, **changes) as (service, _):
        answers = [(await buy(service)).status_code for _ in range(3)]

        assert await alerts(service, "rate_limits_unavailable") == 1
    assert answers == [200] * 3


async def test_an_answer_that_is_there_already_counts_for_no_price_and_not_overall(
    database_path: Path,
) -> None:
    async with shop(database_path, rate_limit_price="1/hour") as (service, altan_pay):
        answers = [await buy(service, **{"Idempotency-Key": "k"}) for _ in range(3)]

        assert len(altan_pay.requests) == 1
    assert [answer.status_code for answer in answers] == [200] * 3
