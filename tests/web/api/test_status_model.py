"""Any interleaving of webhooks, other processes, reads, waits and streams: nothing is stale.

What GET, `wait` and the stream deliver is never older than what was acknowledged before they were
asked, and all of them arrive at what is true.
"""

import asyncio
import itertools
import shutil
import tempfile
import threading
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import httpx
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.adapters.database.migrate import migrate
from app.adapters.database.sqlite.database import SqliteDatabase
from tests.support.builders import (
    CHECKOUT_ID,
    DEADLINE_S,
    Document,
    Service,
    SilentAlarm,
    running_service,
    settings,
)
from tests.support.recording import checkout, keep, record
from tests.support.status_model import FINAL, KINDS, PAYMENTS, Asked, Shown, Truth
from tests.support.status_service import open_stream

T = TypeVar("T")

OPENED_MAX = 6  # at any time there are that many streams, and as many waits


@cache
def _migrated() -> Path:
    path = Path(tempfile.mkdtemp()) / "checkout.db"
    migrate(path)
    return path


class NothingIsStale(RuleBasedStateMachine):
    """The service lives in a loop of its own, so that its streams go on between the steps."""

    service: Service
    client: httpx.AsyncClient
    another: SqliteDatabase

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.stack = AsyncExitStack()
        self.folder = Path(tempfile.mkdtemp())
        self.truths = {payment: Truth() for payment in PAYMENTS}
        self.waits: list[Asked] = []
        self.streams: list[Asked] = []
        self.numbers = itertools.count()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(3 * DEADLINE_S)

    @initialize()
    def open_shop(self) -> None:
        path = Path(shutil.copy(_migrated(), self.folder / "checkout.db"))

        async def begin() -> None:
            self.another = SqliteDatabase(path, SilentAlarm())
            for payment in PAYMENTS:
                kept = checkout(f"cs_test_{payment}", id_=f"{CHECKOUT_ID[:-1]}{payment}")
                await keep(self.another, kept)
            self.service = await self.stack.enter_async_context(
                running_service(settings(self.folder))
            )
            limits = httpx.Limits(max_connections=None)
            client = httpx.AsyncClient(
                base_url=self.service.client.base_url,
                limits=limits,
                trust_env=False,
                timeout=6 * DEADLINE_S,
            )
            self.client = await self.stack.enter_async_context(client)

        self.run(begin())

    def teardown(self) -> None:
        async def end() -> None:
            tasks = [each.task for each in (*self.waits, *self.streams) if each.task]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.stack.aclose()
            await self.another.close()

        self.run(end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
        shutil.rmtree(self.folder)

    @rule(
        payment=st.sampled_from(PAYMENTS),
        kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=3, unique=True),
    )
    def stripe_tells(self, payment: int, kinds: list[str]) -> None:
        """Several at once, while somebody reads: the answer may hold any of them already."""
        truth = self.truths[payment]
        step = len(truth.steps) - 1

        async def deliver() -> Shown:
            answers, shown = await asyncio.gather(
                asyncio.gather(
                    *(self.service.deliver(self._event(kind, payment)) for kind in kinds)
                ),
                self._get(payment),
            )
            assert {answer.status_code for answer in answers} == {200}
            return shown

        shown = self.run(deliver())
        truth.tell(kinds)
        assert shown in truth.since(step)
        assert self.run(self._get(payment)) == truth.now

    @rule(payment=st.sampled_from(PAYMENTS), kind=st.sampled_from(sorted(KINDS)))
    def another_process_records(self, payment: int, kind: str) -> None:
        self.run(record(self.another, self._event(kind, payment)))
        self.truths[payment].tell([kind])

    @rule(payment=st.sampled_from(PAYMENTS), by_checkout=st.booleans())
    def somebody_reads(self, payment: int, *, by_checkout: bool) -> None:
        shown = self.run(self._get(payment, by_checkout=by_checkout))

        assert shown == self.truths[payment].now

    @precondition(lambda self: len(self.waits) < OPENED_MAX)
    @rule(payment=st.sampled_from(PAYMENTS), by_checkout=st.booleans(), knows=st.booleans())
    def somebody_waits(self, payment: int, *, by_checkout: bool, knows: bool) -> None:
        truth = self.truths[payment]
        asked = Asked(payment, len(truth.steps) - 1)
        path = self._path(payment, by_checkout=by_checkout)

        async def begin() -> None:
            headers = {}
            if knows:
                headers["If-None-Match"] = (await self.client.get(path)).headers["etag"]
                asked.must_end_when_not = truth.now

            async def wait() -> None:
                answer = await self.client.get(path, params={"wait": 60}, headers=headers)
                if answer.status_code == 304:
                    asked.seen.append(asked.must_end_when_not or ("", 0))
                else:
                    assert answer.status_code == 200
                    asked.hear(answer.text)

            asked.task = asyncio.create_task(wait())

        self.run(begin())
        self.waits.append(asked)

    @precondition(lambda self: len(self.streams) < OPENED_MAX)
    @rule(payment=st.sampled_from(PAYMENTS), by_checkout=st.booleans())
    def somebody_opens_a_stream(self, payment: int, *, by_checkout: bool) -> None:
        asked = Asked(payment, len(self.truths[payment].steps) - 1)
        public_id = self._path(payment, by_checkout=by_checkout).rpartition("/")[2]

        async def listen() -> None:
            async with open_stream(self.client, public_id) as stream:
                async for message in stream.messages:
                    if message.data:
                        asked.hear(message.data)
                        asked.open.set()

        async def begin() -> None:
            asked.task = asyncio.create_task(listen())
            async with asyncio.timeout(DEADLINE_S):
                await asked.open.wait()

        self.run(begin())
        assert asked.seen[0] == self.truths[payment].now
        self.streams.append(asked)

    @precondition(lambda self: self.streams)
    @rule(data=st.data())
    def somebody_leaves(self, data: st.DataObject) -> None:
        asked: Asked = data.draw(st.sampled_from(self.streams))
        self.streams.remove(asked)

        async def leave() -> None:
            assert asked.task
            asked.task.cancel()
            await asyncio.gather(asked.task, return_exceptions=True)

        self.run(leave())

    @rule()
    def all_arrive_at_what_is_true(self) -> None:
        async def arrive() -> None:
            async with asyncio.timeout(DEADLINE_S):
                while not all(map(self._has_arrived, (*self.streams, *self.waits))):  # noqa: ASYNC110 as `until`
                    await asyncio.sleep(0.005)

        self.run(arrive())

    @invariant()
    def nothing_that_was_seen_is_older_than_what_was_acknowledged(self) -> None:
        for asked in (*self.streams, *self.waits):
            seen, allowed = list(asked.seen), self.truths[asked.payment].since(asked.step)
            assert set(seen) <= allowed, (seen, allowed)
            if asked.has_ended and asked.task:
                asked.task.result()  # it ended well
        self.waits = [asked for asked in self.waits if not asked.has_ended]

    def _has_arrived(self, asked: Asked) -> bool:
        now = self.truths[asked.payment].now
        if asked in self.waits:
            return asked.has_ended or asked.must_end_when_not in {None, now}
        return asked.seen[-1] == now or (asked.has_ended and asked.seen[-1][0] in FINAL)

    def _event(self, kind: str, payment: int) -> Document:
        """Sometimes the very same event, more often another of the same content."""
        return KINDS[kind](payment) | {"id": f"evt_{kind}_{payment}_{next(self.numbers) % 7}"}

    @staticmethod
    def _path(payment: int, *, by_checkout: bool) -> str:
        checkout_id, session_id = f"{CHECKOUT_ID[:-1]}{payment}", f"cs_test_{payment}"
        return f"/checkout/{checkout_id if by_checkout else session_id}"

    async def _get(self, payment: int, *, by_checkout: bool = False) -> Shown:
        answer = await self.client.get(self._path(payment, by_checkout=by_checkout))
        assert answer.status_code == 200
        document = answer.json()
        return document["status"], document["amount_refunded"]


NothingIsStale.TestCase.settings = hypothesis_settings(
    max_examples=15, stateful_step_count=20, deadline=None
)
TestNothingIsStale = NothingIsStale.TestCase
