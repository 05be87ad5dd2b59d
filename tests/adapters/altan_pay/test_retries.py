import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson
import pytest

from app.adapters.altan_pay.bulkhead import NoPlaceError
from app.adapters.altan_pay.client import AltanPay, AltanPayAccount
from app.adapters.altan_pay.retries import TRIES_MAX, Retries
from app.adapters.http_transport import AiohttpTransport
from app.domain.checkout.cart import Cart, LineItem, Mode
from app.domain.checkout.redirects import PaymentPage
from app.domain.errors import (
    AltanPayMalformedError,
    AltanPayMisconfiguredError,
    AltanPayTimeoutError,
    AltanPayUnavailableError,
    CartRefusedError,
    CheckoutError,
)
from app.usecases.records import SessionOrder
from tests.support.altan_pay_calls import always_wanted
from tests.support.wire import Connection, Script, answer, hangs, resets, upstream

PAGE = PaymentPage("https://checkout.stripe.com/c/pay/cs_test_1", "cs_test_1")
GOOD = answer(orjson.dumps({"url": PAGE.url}))
BUSY = answer(b"", status="503 Service Unavailable")
ORDER = SessionOrder(
    cart=Cart((LineItem("price_A", 1),), Mode.PAYMENT),
    success_url="https://shop.example/",
    cancel_url="https://shop.example/",
)
SHORT_S = 0.25  # for those who must reach it
PATIENCE_S = 20.0  # a call that has not ended by then does not keep its deadline
AT_ONCE_S = 0  # what a Retry-After of nothing asks for, so that no test waits for a backoff


@dataclass(slots=True)
class Answers:
    """Altan Pay, played: one answer after the other, the last one for ever."""

    answers: list[PaymentPage | CheckoutError]
    asked: int = 0

    async def create(self, order: SessionOrder) -> PaymentPage:
        assert order is ORDER
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, CheckoutError):
            raise answer
        return answer


def unavailable(retry_after_s: int | None = AT_ONCE_S) -> AltanPayUnavailableError:
    return AltanPayUnavailableError("words", reason="busy", retry_after_s=retry_after_s)


def retrying(
    *answers: PaymentPage | CheckoutError, deadline_s: float = PATIENCE_S
) -> tuple[Retries, Answers]:
    pages = Answers(list(answers))
    return Retries(pages, deadline_s=deadline_s, still_wanted=always_wanted), pages


@asynccontextmanager
async def retrying_altan_pay(url: str, *, deadline_s: float = PATIENCE_S) -> AsyncIterator[Retries]:
    account = AltanPayAccount(url=url, account_id="a", stripe_connect_id="acct_1")
    hosts = frozenset({"checkout.stripe.com"})
    async with AiohttpTransport() as transport:
        pages = AltanPay(account, transport=transport, version="1.2.3", allowed_hosts=hosts)
        yield Retries(pages, deadline_s=deadline_s, still_wanted=always_wanted)


async def failure(url: str) -> CheckoutError:
    """How a call over a socket ends that has a quarter of a second."""
    async with (
        retrying_altan_pay(url, deadline_s=SHORT_S) as pages,
        asyncio.timeout(PATIENCE_S),
    ):
        with pytest.raises(CheckoutError) as caught:
            await pages.create(ORDER)
    return caught.value


# What is tried again, and how often


async def test_a_page_at_the_first_try_is_the_answer() -> None:
    pages, asked = retrying(PAGE)

    page = await pages.create(ORDER)

    assert page is PAGE
    assert asked.asked == 1


@pytest.mark.parametrize("failures", [1, 2])
async def test_what_passes_is_tried_again_until_it_goes_well(failures: int) -> None:
    pages, asked = retrying(*[unavailable()] * failures, PAGE)

    page = await pages.create(ORDER)

    assert page is PAGE
    assert asked.asked == failures + 1


async def test_after_the_third_attempt_the_last_failure_is_reported() -> None:
    last = unavailable()
    pages, asked = retrying(unavailable(), unavailable(), last)

    with pytest.raises(AltanPayUnavailableError) as caught:
        await pages.create(ORDER)

    assert caught.value is last
    assert asked.asked == TRIES_MAX == 3


async def test_nonsense_is_tried_again_once() -> None:
    pages, asked = retrying(AltanPayMalformedError("words"))

    with pytest.raises(AltanPayMalformedError):
        await pages.create(ORDER)

    assert asked.asked == 2


async def test_a_timeout_of_the_network_is_tried_again() -> None:
    pages, asked = retrying(AltanPayTimeoutError("words"), PAGE)

    assert await pages.create(ORDER) is PAGE
    assert asked.asked == 2


@pytest.mark.parametrize(
    "error",
    [CartRefusedError("no"), AltanPayMisconfiguredError("no"), NoPlaceError("no")],
    ids=lambda error: type(error).__name__,
)
async def test_what_will_not_pass_is_never_tried_again(error: CheckoutError) -> None:
    pages, asked = retrying(error)

    with pytest.raises(type(error)) as caught:
        await pages.create(ORDER)

    assert caught.value is error
    assert asked.asked == 1


async def test_nothing_is_called_again_once_the_buyer_has_left() -> None:
    async def has_left() -> bool:
        return False

    pages = Answers([unavailable(), PAGE])

    with pytest.raises(AltanPayUnavailableError):
        await Retries(pages, deadline_s=PATIENCE_S, still_wanted=has_left).create(ORDER)

    assert pages.asked == 1


async def test_a_pause_that_would_outlast_the_deadline_is_not_begun() -> None:
    pages, asked = retrying(unavailable(retry_after_s=60), PAGE, deadline_s=30)

    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(AltanPayUnavailableError) as caught:
            await pages.create(ORDER)

    assert caught.value.retry_after_s == 60
    assert asked.asked == 1


async def test_a_defect_of_ours_is_not_tried_again() -> None:
    class Broken:
        asked = 0

        async def create(self, order: SessionOrder) -> PaymentPage:
            self.asked += 1
            raise KeyError(order)

    broken = Broken()

    with pytest.raises(KeyError):
        await Retries(broken, deadline_s=1, still_wanted=always_wanted).create(ORDER)

    assert broken.asked == 1


# One deadline for everything


async def trickles(connection: Connection) -> None:
    await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n")
    while True:
        await connection.send(b" ")
        await asyncio.sleep(0.01)  # the pace of this upstream; nothing is waited for


async def trickles_its_head(connection: Connection) -> None:
    await connection.send(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        await connection.send(b"a")
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("script", [hangs, trickles, trickles_its_head])
async def test_slow_steps_share_one_deadline(script: Script) -> None:
    async with upstream(script) as server:
        error = await failure(server.url)

    assert type(error) is AltanPayTimeoutError
    assert error.reason == "the deadline for all tries passed"


async def test_the_caller_disconnects_from_an_upstream_that_missed_the_deadline() -> None:
    async with upstream(hangs) as server:
        await failure(server.url)

        await server.wait_for_finished(1)


async def test_a_tls_handshake_that_never_ends_is_under_the_deadline_too() -> None:
    async with upstream(GOOD, on_connect=hangs) as server:
        error = await failure(f"https://127.0.0.1:{server.port}")

    assert type(error) is AltanPayTimeoutError


async def test_tries_and_pauses_share_the_one_deadline() -> None:
    async with upstream(BUSY, hangs) as server:
        error = await failure(server.url)

    assert type(error) in {AltanPayTimeoutError, AltanPayUnavailableError}
    assert len(server.requests) <= 2


@pytest.mark.parametrize("first", [resets, BUSY], ids=["reset", "503"])
async def test_a_call_that_fails_once_over_a_socket_ends_well(first: Script | bytes) -> None:
    async with upstream(first, GOOD) as server, retrying_altan_pay(server.url) as pages:
        page = await pages.create(ORDER)

        assert page == PAGE
        assert len(server.requests) == 2


async def test_cancelling_stays_a_cancellation_and_is_not_tried_again() -> None:
    async with upstream(hangs) as server, retrying_altan_pay(server.url) as pages:
        call = asyncio.create_task(pages.create(ORDER))
        await server.wait_for_requests(1)
        call.cancel()

        with pytest.raises(asyncio.CancelledError):
            await call

        assert len(server.requests) == 1
