"""Background work, closing resources, and signals."""

import asyncio
import os
import signal
from collections.abc import Iterator
from functools import partial
from types import FrameType

import pytest
from fastapi import FastAPI

from app.lifetime import Lifetime
from tests.support.builders import DEADLINE_S, until

LISTENED_TO = (signal.SIGTERM, signal.SIGINT)


class Server:
    """Has its own handlers, as uvicorn has."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    def handle(self, number: int, _: FrameType | None) -> None:
        self.heard.append(number)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    before = {number: signal.signal(number, server.handle) for number in LISTENED_TO}
    yield server
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def application() -> FastAPI:
    return FastAPI(version="1")


async def test_what_runs_is_run_from_start_to_end(application: FastAPI) -> None:
    lifetime, told = Lifetime(), list[str]()

    async def work() -> None:
        told.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            told.append("ended")

    lifetime.runs(work)
    async with lifetime(application):
        await until(lambda: told == ["begun"])

    assert told == ["begun", "ended"]


async def test_work_that_fails_is_logged_and_stops_nothing_else(
    application: FastAPI, capfd: pytest.CaptureFixture[str]
) -> None:
    lifetime, goes_on = Lifetime(), asyncio.Event()

    async def broken() -> None:
        raise ValueError("a defect")

    async def work() -> None:
        goes_on.set()
        await asyncio.Event().wait()

    lifetime.runs(broken)
    lifetime.runs(work)
    async with lifetime(application):
        await asyncio.wait_for(goes_on.wait(), DEADLINE_S)

    logged = capfd.readouterr()
    assert "background_work_failed" in logged.out + logged.err
    assert "a defect" in logged.out + logged.err


async def test_work_that_fails_is_reported_and_restarted_until_it_succeeds(
    application: FastAPI,
) -> None:
    lifetime, runs, reported = Lifetime(restart_s=0.001), list[int](), list[str]()

    async def fails_twice(factor: int) -> None:
        runs.append(factor)
        if runs.count(factor) < 3:
            raise ValueError("a defect")

    async def succeeds() -> None:
        runs.append(1)

    lifetime.runs(succeeds)
    lifetime.runs(partial(fails_twice, 7))
    lifetime.reports(reported.append)
    async with lifetime(application):
        await until(lambda: runs.count(7) == 3)

    assert runs == [1, 7, 7, 7]
    assert [name.rpartition(".")[2] for name in reported] == ["fails_twice"] * 2


async def test_work_that_fails_while_it_stops_is_not_restarted(application: FastAPI) -> None:
    lifetime, begun = Lifetime(restart_s=0), list[None]()

    async def fails_at_the_end() -> None:
        begun.append(None)
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("a defect")

    lifetime.runs(fails_at_the_end)
    async with asyncio.timeout(DEADLINE_S), lifetime(application):
        await until(lambda: bool(begun))

    assert len(begun) == 1


async def test_what_is_closed_is_closed_last_first_once_nothing_runs(
    application: FastAPI,
) -> None:
    lifetime, told = Lifetime(), list[str]()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            told.append("work")

    async def close_first() -> None:
        told.append("first")

    async def close_second() -> None:
        told.append("second")

    lifetime.closes(close_first)
    lifetime.closes(close_second)
    lifetime.runs(work)
    async with lifetime(application):
        await asyncio.sleep(0)  # one turn of the loop: the work has begun

    assert told == ["work", "second", "first"]


@pytest.mark.parametrize("number", LISTENED_TO)
async def test_a_signal_reaches_the_stop_callbacks_and_the_server(
    application: FastAPI, server: Server, number: signal.Signals
) -> None:
    lifetime, told = Lifetime(), list[str]()
    lifetime.stops(lambda: told.append("one"))
    lifetime.stops(lambda: told.append("another"))

    async with lifetime(application):
        os.kill(os.getpid(), number)
        await until(lambda: len(told) == 2)

    assert told == ["one", "another"]
    assert server.heard == [number]


async def test_after_the_end_signals_are_the_servers_again(
    application: FastAPI, server: Server
) -> None:
    for _ in range(3):
        async with Lifetime()(application):
            assert signal.getsignal(signal.SIGTERM) != server.handle

        assert [signal.getsignal(number) for number in LISTENED_TO] == [server.handle] * 2


async def test_where_nobody_listens_to_a_signal_nobody_comes_before(
    application: FastAPI,
    server: Server,  # which puts back what is changed here
) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    async with Lifetime()(application):
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL

    assert server.heard == []


async def test_sighup_reloads_what_can_be_and_ends_nobody(application: FastAPI) -> None:
    lifetime, told = Lifetime(), list[str]()
    lifetime.reloads(lambda: told.append("reloaded"))

    async with lifetime(application):
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: told == ["reloaded"])


def test_beside_the_main_thread_no_signal_is_heard(application: FastAPI, server: Server) -> None:
    async def live() -> None:
        async with Lifetime()(application):
            assert signal.getsignal(signal.SIGTERM) == server.handle

    async def in_another_thread() -> None:
        await asyncio.to_thread(asyncio.run, live())

    asyncio.run(in_another_thread())
