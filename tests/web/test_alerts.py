"""Alerts through the whole service, from the cause to the chat."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson
import pytest

from app.domain.limits.breaker import OPEN_S
from tests.support.builders import (
    DEADLINE_S,
    Service,
    event,
    running_service,
    session,
    settings,
    thin_event,
)
from tests.support.builders import query as rows_of
from tests.support.wire import Connection, Script, Upstream, answer, hangs, upstream

GOOD = answer(orjson.dumps({"url": "https://checkout.stripe.com/c/pay/cs_test_1"}))
CART = {"line_items": [{"price": "price_A", "quantity": 1}]}
OK = answer(b"ok")


@dataclass(frozen=True, slots=True)
class Shop:
    service: Service
    chat: Upstream

    async def buy(self, buyer: str = "192.0.2.1") -> httpx.Response:
        headers = {"Accept": "application/json", "X-Forwarded-For": buyer}
        return await self.service.client.post("/checkout", json=CART, headers=headers)

    async def heard(self, name: str) -> str:
        """What the chat was told of it; it must be told once, and counted."""
        await self.chat.wait_for_requests(1)
        (text,) = [text for text in self.texts if " is over: " not in text]
        assert text.startswith(f"altan-checkout: *{name}*: ")
        assert "\nShop: shop.example (https://shop.example)\nBuyers: " in text
        assert await self.counted(name) >= 1
        return text

    async def heard_the_end(self, name: str) -> None:
        await self.chat.wait_for_requests(2)
        assert self.texts[1].startswith(f"altan-checkout: *{name}* is over: ")

    @property
    def texts(self) -> list[str]:
        return [str(orjson.loads(request.body)["text"]) for request in self.chat.requests]

    async def counted(self, name: str) -> float:
        metrics = (await self.service.client.get("/metrics")).text
        line = f'altan_checkout_alerts_total{{name="{name}"}} '
        return float(metrics.partition(line)[2].partition("\n")[0])


@asynccontextmanager
async def shop(
    database_path: Path,
    *scripts: Script | bytes,
    chat: Script | bytes = OK,
    **changes: object,
) -> AsyncIterator[Shop]:
    async with upstream(*(scripts or (GOOD,))) as altan_pay, upstream(chat) as chat_server:
        changes = {
            "altan_pay_url": altan_pay.url,
            "alert_webhook_url": f"{chat_server.url}/hook",
            **changes,
        }
        async with running_service(settings(database_path.parent, **changes)) as service:
            yield Shop(service, chat_server)


@pytest.mark.parametrize("status", ["401 No", "404 No", "302 Found"])
async def test_ids_that_altan_pay_does_not_know(database_path: Path, status: str) -> None:
    async with shop(database_path, answer(b"", status=status)) as opened:
        answers = [(await opened.buy()).status_code for _ in range(3)]

        await opened.heard("altan_pay_misconfigured")
        assert await opened.counted("altan_pay_misconfigured") == 3
    assert answers == [502] * 3


async def test_answers_that_make_no_sense(database_path: Path) -> None:
    async with shop(database_path, answer(b"<html>")) as opened:
        assert (await opened.buy()).status_code == 502

        assert "not JSON" in await opened.heard("altan_pay_malformed")


async def test_an_altan_pay_that_is_down(database_path: Path) -> None:
    busy = answer(b"", "Retry-After: 0", status="503 No")
    async with shop(database_path, GOOD, busy, trusted_proxies=["127.0.0.1"]) as opened:
        for number in range(10):
            await opened.buy(f"192.0.2.{number}")

        await opened.heard("altan_pay_down")


async def test_an_altan_pay_that_works_again_ends_it(database_path: Path) -> None:
    busy, is_busy = answer(b"", "Retry-After: 0", status="503 No"), False

    async def altan_pay(connection: Connection) -> None:
        await connection.send(busy if is_busy else GOOD)

    async with shop(database_path, altan_pay, trusted_proxies=["127.0.0.1"]) as opened:
        await opened.buy()
        is_busy = True
        for number in range(10):
            await opened.buy(f"192.0.2.{number}")
        await opened.heard("altan_pay_down")
        is_busy = False

        # The breaker rests for 10 s; the next buyers are its probes.
        give_up_at_s = time.monotonic() + OPEN_S + DEADLINE_S
        for number in itertools.count():
            if (await opened.buy(f"198.51.100.{number % 250}")).status_code == 200:
                break
            assert time.monotonic() < give_up_at_s
            await asyncio.sleep(0.1)
        await opened.heard_the_end("altan_pay_down")
    assert "checkouts continue" in opened.texts[1]


async def test_a_database_that_cannot_commit(database_path: Path) -> None:
    async with shop(database_path) as opened:
        rows_of(database_path, "ALTER TABLE events RENAME TO elsewhere")

        assert (await opened.service.deliver(event())).status_code == 503
        assert (await opened.service.deliver(event())).status_code == 503

        await opened.heard("storage_unavailable")


async def test_ids_that_altan_pay_knows_again_end_it(database_path: Path) -> None:
    async with shop(database_path, answer(b"", status="401 No"), GOOD) as opened:
        await opened.buy()
        await opened.heard("altan_pay_misconfigured")
        await opened.buy()

        await opened.heard_the_end("altan_pay_misconfigured")


async def test_a_database_that_can_commit_again_ends_it(database_path: Path) -> None:
    async with shop(database_path) as opened:
        rows_of(database_path, "ALTER TABLE heartbeat RENAME TO elsewhere")
        assert (await opened.service.client.get("/health/ready")).status_code == 503
        await opened.heard("storage_unavailable")
        rows_of(database_path, "ALTER TABLE elsewhere RENAME TO heartbeat")

        await opened.heard_the_end("storage_unavailable")


async def test_a_secret_of_another_endpoint_is_told_and_so_is_its_end(database_path: Path) -> None:
    async with shop(database_path) as opened:
        await opened.buy()
        paid = event(subject=session(id="cs_test_1"))
        assert (await opened.service.deliver(paid, secret="whsec_another")).status_code == 400

        assert "STRIPE_WEBHOOK_SECRETS" in await opened.heard("nothing_but_refused_webhooks")

        assert (await opened.service.deliver(paid)).status_code == 200
        await opened.heard_the_end("nothing_but_refused_webhooks")


async def test_an_event_that_cannot_be_folded_alerts_once(database_path: Path) -> None:
    subject = session(payment_status="of a kind that nobody foresaw")
    async with shop(database_path) as opened:
        for _ in range(2):
            taken = await opened.service.deliver(event(id="evt_odd", subject=subject))
            assert taken.status_code == 200

        assert "evt_odd" in await opened.heard("event_fold_failed")
        assert await opened.counted("event_fold_failed") == 1


async def test_a_disconnected_account_alerts_once(database_path: Path) -> None:
    cut_off = event("account.application.deauthorized", {"id": "ca_1", "object": "application"})
    async with shop(database_path) as opened:
        for _ in range(2):
            await opened.service.deliver(cut_off)

        await opened.heard("account_deauthorized")
        assert await opened.counted("account_deauthorized") == 1


async def test_an_event_that_stripe_never_created_alerts_once_with_its_object(
    database_path: Path,
) -> None:
    notice = thin_event(
        type="v2.core.health.event_generation_failure.resolved",
        data={
            "alert_id": "al_1",
            "grouping_key": "key",
            "impact": {
                "event_type": "checkout.session.completed",
                "related_object": {"id": "cs_test_x1", "type": "checkout.session", "url": "/v1"},
            },
            "resolved_at": "2026-01-01T00:00:00.000Z",
            "summary": "words",
        },
    )
    async with shop(database_path) as opened:
        for _ in range(2):
            taken = await opened.service.deliver(notice)
            assert taken.status_code == 200

        text = await opened.heard("event_never_made")
        assert "checkout.session.completed about checkout.session cs_test_x1" in text
        assert await opened.counted("event_never_made") == 1
        assert rows_of(opened.service.database_path, "SELECT state FROM events") == [
            {"state": "recorded"}
        ]


async def test_a_burst_of_forged_signatures_and_not_a_few(database_path: Path) -> None:
    async with shop(database_path) as opened:
        for _ in range(49):
            await opened.service.deliver(event(), secret="whsec_of_somebody_else")
        before = await opened.counted("signature_failures_burst")
        await opened.service.deliver(event(), secret="whsec_of_somebody_else")

        await opened.heard("signature_failures_burst")
    assert before == 0


async def test_a_chat_that_hangs_delays_no_request(database_path: Path) -> None:
    async with shop(database_path, answer(b"", status="401 No"), chat=hangs) as opened:
        await opened.buy()
        await opened.chat.wait_for_requests(1)
        began_s = time.monotonic()
        answers = await asyncio.gather(*(opened.buy() for _ in range(10)))
        took_s = time.monotonic() - began_s

        assert len(opened.chat.requests) == 1
    assert {answer.status_code for answer in answers} == {502}
    assert took_s < 2


async def test_sentry_gets_only_alerts(database_path: Path) -> None:
    async with upstream(answer(b"{}")) as sentry:
        dsn = f"http://key@127.0.0.1:{sentry.port}/1"
        async with shop(database_path, answer(b"", status="401 No"), sentry_dsn=dsn) as opened:
            await opened.service.client.post("/checkout", content=b"{")
            await opened.buy()
            await opened.heard("altan_pay_misconfigured")
            await sentry.wait_for_requests(1)

        (request,) = sentry.requests
    assert request.line.startswith("POST /api/1/envelope/ ")
