"""Any interleaving of requests, failures, crashes and time: one URL for each key, none lost."""

import asyncio
import shutil
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.adapters.database.migrate import migrate
from app.adapters.database.sqlite.database import SqliteDatabase
from app.adapters.system import RandomCheckoutIds
from app.domain.checkout.cart import Cart, CheckoutRequest, LineItem, Mode
from app.domain.checkout.idempotency import KEY_LIFE_MS, read_idempotency_key
from app.domain.checkout.redirects import PaymentPage, RedirectPolicy
from app.domain.errors import (
    AltanPayUnavailableError,
    CheckoutInProgressError,
    IdempotencyKeyReusedError,
)
from app.usecases.records import Checkout, SessionOrder
from app.usecases.start_checkout import StartCheckout
from app.usecases.start_checkout_once import StartCheckoutOnce
from tests.support.builders import (
    FixedClock,
    NoLimits,
    SilentAlarm,
    checkout_request,
    housekeeping,
    query,
)

LEASE_MS = 15_000
KEYS = [read_idempotency_key(name) for name in ("one", "two")]
CARTS = [Cart((LineItem("price_A", n),), Mode.PAYMENT) for n in (1, 2)]


@cache
def _migrated() -> Path:
    path = Path(tempfile.mkdtemp()) / "checkout.db"
    migrate(path)
    return path


@dataclass(slots=True, eq=False)
class Call:
    """One try that Altan Pay has under way, and what it will answer."""

    answer: asyncio.Future[PaymentPage]


@dataclass(slots=True)
class HeldPages:
    """Altan Pay, played: each call waits until the machine answers it."""

    calls: list[Call] = field(default_factory=list)

    async def create(self, order: SessionOrder) -> PaymentPage:
        assert order.cart.line_items
        call = Call(asyncio.get_running_loop().create_future())
        self.calls.append(call)
        return await call.answer


@dataclass(slots=True, eq=False)
class Click:
    """A request that is under way."""

    key: int
    cart: int
    began_ms: int
    task: asyncio.Task[Checkout]


class OneUrlForAKey(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = FixedClock()
        self.pages = HeldPages()
        self.clicks: list[Click] = []
        self.made = 0
        self.shown: dict[int, tuple[int, str, int]] = {}  # key: cart, URL, when it was claimed

    @initialize()
    def open_shop(self) -> None:
        path = Path(shutil.copy(_migrated(), self.folder / "checkout.db"))
        self.database = SqliteDatabase(path, SilentAlarm())
        start = StartCheckout(
            redirects=RedirectPolicy(
                allowed_origins=frozenset({"https://shop.example"}),
                success_url_default="https://shop.example",
                cancel_url_default="https://shop.example",
            ),
            catalog=lambda: None,
            limits=NoLimits(),
            payment_pages=self.pages,
            database=self.database,
            clock=self.clock,
            ids=RandomCheckoutIds(),
        )
        # Who finds the key held is told at once: waiting is `click` again.
        self.act = StartCheckoutOnce(start=start, lease_s=LEASE_MS / 1000, wait_s=0)

    def teardown(self) -> None:
        async def end() -> None:
            for click in self.clicks:
                click.task.cancel()
            await asyncio.gather(*(click.task for click in self.clicks), return_exceptions=True)
            await self.database.close()

        self.runner.run(end())
        self.runner.close()
        shutil.rmtree(self.folder)

    # Mostly the same key and cart, or nothing would ever meet.
    @rule(key=st.sampled_from([0, 0, 0, 0, 1]), cart=st.sampled_from([0, 0, 0, 0, 1]))
    def click(self, key: int, cart: int) -> None:
        request: CheckoutRequest = checkout_request(CARTS[cart])

        async def begin() -> None:
            call = self.act(request, KEYS[key])
            task = asyncio.create_task(call)
            self.clicks.append(Click(key, cart, self.clock.ms, task))
            await self._settle(task)

        self.runner.run(begin())
        self._look()

    @precondition(lambda self: self.pages.calls)
    @rule(data=st.data())
    def altan_pay_answers(self, data: st.DataObject) -> None:
        call = self._one(data, self.pages.calls)
        self.made += 1
        page = PaymentPage(f"https://checkout.stripe.com/pay/cs_{self.made}", f"cs_{self.made}")
        self._answer(call, page)

    @precondition(lambda self: self.pages.calls)
    @rule(data=st.data())
    def altan_pay_fails(self, data: st.DataObject) -> None:
        self._answer(self._one(data, self.pages.calls), AltanPayUnavailableError("words"))

    @precondition(lambda self: self.clicks)
    @rule(data=st.data())
    def a_process_dies(self, data: st.DataObject) -> None:
        """The coroutine is dropped where it stands, between its two transactions."""
        click = data.draw(st.sampled_from(self.clicks))
        self.clicks.remove(click)

        async def drop() -> None:
            click.task.cancel()
            await asyncio.gather(click.task, return_exceptions=True)

        self.runner.run(drop())
        self.pages.calls = [call for call in self.pages.calls if not call.answer.done()]

    @precondition(lambda self: self.pages.calls)
    @rule(more_ms=st.sampled_from([0, 1]))
    def a_lease_ends(self, more_ms: int) -> None:
        self.clock.ms += LEASE_MS + more_ms

    @rule(ms=st.sampled_from([1, KEY_LIFE_MS // 2, KEY_LIFE_MS + 1]))
    def time_passes(self, ms: int) -> None:
        self.clock.ms += ms

    @rule()
    def dead_keys_are_forgotten(self) -> None:
        self.runner.run(housekeeping(self.database, self.clock)())

    @invariant()
    def every_url_that_was_shown_is_on_disk(self) -> None:
        kept = {
            row["url"]
            for row in query(self.folder / "checkout.db", "SELECT url FROM checkouts")
        } if self.shown else set()  # fmt: skip
        assert {url for _, url, _ in self.shown.values()} <= kept

    @staticmethod
    def _one(data: st.DataObject, calls: list[Call]) -> Call:
        call: Call = data.draw(st.sampled_from(calls))
        calls.remove(call)
        return call

    def _answer(self, call: Call, outcome: PaymentPage | Exception) -> None:
        async def answer() -> None:
            if isinstance(outcome, Exception):
                call.answer.set_exception(outcome)
            else:
                call.answer.set_result(outcome)
            for click in list(self.clicks):
                await self._settle(click.task)

        self.runner.run(answer())
        self._look()

    async def _settle(self, task: asyncio.Task[Checkout]) -> None:
        """Until the request has ended, or asks Altan Pay and waits for it."""
        asking = len(self.pages.calls)
        while not task.done():
            await asyncio.sleep(0.0005)  # the database's thread works meanwhile
            waiting = sum(not click.task.done() for click in self.clicks)
            if len(self.pages.calls) > asking or waiting <= len(self.pages.calls):
                return

    def _look(self) -> None:
        for click in list(self.clicks):
            if click.task.done():
                self.clicks.remove(click)
                self._judge(click)

    def _judge(self, click: Click) -> None:
        error = click.task.exception()
        cart, url, since_ms = self.shown.get(click.key, (click.cart, "", -KEY_LIFE_MS))
        # A request that outlives its key's 24 hours may find the key free, and take it again.
        is_alive = self.clock.ms - since_ms <= KEY_LIFE_MS
        if error is None:
            checkout = click.task.result()
            assert checkout.cart == CARTS[click.cart]
            if url and is_alive:
                assert (checkout.url, click.cart) == (url, cart)
            elif url != checkout.url:
                self.shown[click.key] = (click.cart, checkout.url, click.began_ms)
            return
        assert isinstance(
            error, AltanPayUnavailableError | CheckoutInProgressError | IdempotencyKeyReusedError
        ), error
        if (
            url
            and is_alive
            and cart == click.cart
            and not isinstance(error, AltanPayUnavailableError)
        ):
            raise AssertionError(f"{url} was lost: {error!r}")


OneUrlForAKey.TestCase.settings = hypothesis_settings(
    max_examples=120, stateful_step_count=30, deadline=None
)
TestOneUrlForAKey = pytest.mark.thorough(OneUrlForAKey.TestCase)
