"""Work for a client ends when the client disconnects."""

import asyncio
from collections.abc import Sequence

import pytest
from starlette.requests import Request
from starlette.types import Message

from app.web.http.body import ClientGoneError
from app.web.http.connected import current_request, is_connected, while_connected
from tests.support.builders import DEADLINE_S

REQUEST: Message = {"type": "http.request", "body": b"", "more_body": False}
LEFT: Message = {"type": "http.disconnect"}


class Client:
    """Says some things, and then nothing until it leaves."""

    def __init__(self, said: Sequence[Message] = (REQUEST,)) -> None:
        self._said = list(said)
        self._left = asyncio.Event()

    def leave(self) -> None:
        self._left.set()

    async def receive(self) -> Message:
        if self._said:
            return self._said.pop(0)
        await self._left.wait()
        return LEFT


class Work:
    """Goes on until it is let end, and says how it ended."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.ending: str | None = None

    async def __call__(self) -> str:
        self.begun.set()
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)  # freeing a place may take a turn
            self.ending = "cancelled"
            raise
        self.ending = "done"
        return "the answer"


@pytest.fixture
async def work() -> Work:
    return Work()


async def test_the_result_is_the_works(work: Work) -> None:
    work.may_end.set()

    assert await while_connected(work(), Client().receive) == "the answer"


async def test_the_works_error_is_the_callers() -> None:
    async def fail() -> None:
        raise ValueError("words")

    with pytest.raises(ValueError, match="words"):
        await while_connected(fail(), Client().receive)


async def test_when_the_client_leaves_the_work_has_ended(work: Work) -> None:
    client = Client()
    waiting = asyncio.create_task(while_connected(work(), client.receive))
    await work.begun.wait()

    client.leave()
    with pytest.raises(ClientGoneError):
        await asyncio.wait_for(waiting, DEADLINE_S)

    assert work.ending == "cancelled"


async def test_when_the_caller_is_cancelled_the_work_has_ended(work: Work) -> None:
    waiting = asyncio.create_task(while_connected(work(), Client().receive))
    await work.begun.wait()

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert work.ending == "cancelled"


async def test_what_else_the_client_says_is_passed_over(work: Work) -> None:
    client = Client([REQUEST, REQUEST])
    waiting = asyncio.create_task(while_connected(work(), client.receive))
    await work.begun.wait()

    work.may_end.set()

    assert await waiting == "the answer"


async def test_work_that_is_done_when_the_client_leaves_is_not_lost() -> None:
    async def answer() -> str:
        return "the answer"

    assert await while_connected(answer(), Client([LEFT]).receive) == "the answer"


async def test_nothing_runs_afterwards(work: Work) -> None:
    before = asyncio.all_tasks()
    work.may_end.set()

    await while_connected(work(), Client().receive)

    assert asyncio.all_tasks() == before


async def test_without_a_request_the_client_counts_as_connected() -> None:
    assert await is_connected()


async def test_whether_the_client_is_connected_is_known_in_the_tasks_of_its_request() -> None:
    client = Client([])

    with current_request(Request({"type": "http"}, client.receive)):
        assert await asyncio.create_task(is_connected())
        client.leave()
        assert not await asyncio.create_task(is_connected())
    assert await is_connected()


async def test_two_requests_at_once_do_not_answer_for_each_other() -> None:
    gone, there = Client([]), Client([])
    gone.leave()

    async def serve(client: Client) -> bool:
        with current_request(Request({"type": "http"}, client.receive)):
            await asyncio.sleep(0)
            return await is_connected()

    assert list(await asyncio.gather(serve(gone), serve(there))) == [False, True]
