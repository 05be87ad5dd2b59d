import asyncio
from collections.abc import Iterable

import pytest
from starlette.datastructures import Headers
from starlette.types import Message

from app.web.errors import BodyTimeoutError, BodyTooLargeError
from app.web.http.body import LINGER_BYTES_MAX, ClientGoneError, read_body
from app.web.http.body_budget import BodyLease
from app.web.http.shares import Shares

GONE: Message = {"type": "http.disconnect"}


class Caller:
    """Sends what it is told to, and then nothing more; counts what was taken from it."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self._messages = iter(messages)
        self.taken_bytes = 0

    async def receive(self) -> Message:
        for message in self._messages:
            self.taken_bytes += len(message.get("body", b""))
            return message
        await asyncio.Event().wait()
        raise AssertionError("nobody sets that event")


def part(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def whole(*parts: bytes) -> Caller:
    return Caller([*(part(body) for body in parts[:-1]), part(parts[-1], more=False)])


def endless(body: bytes) -> Caller:
    """Sends far more than anybody may take in, and then goes on without a word."""
    return Caller(part(body) for _ in range(64))


async def read(
    caller: Caller, headers: dict[str, str] | None = None, *, timeout_s: float = 10
) -> bytes:
    with BodyLease(Shares(100), lambda: "192.0.2.1") as lease:
        return await read_body(
            caller.receive, Headers(headers), lease=lease, body_bytes_max=10, timeout_s=timeout_s
        )


@pytest.fixture
async def silent() -> Caller:
    return Caller([part(b"{")])


@pytest.mark.parametrize(
    ("parts", "body"),
    [
        ([b""], b""),
        ([b"1234567890"], b"1234567890"),
        ([b"12345", b"67890"], b"1234567890"),
        ([b"", b"1", b"", b"2", b""], b"12"),
    ],
)
async def test_a_body_is_read_whole(parts: list[bytes], body: bytes) -> None:
    assert await read(whole(*parts)) == body


async def test_a_message_without_a_body_is_an_empty_end() -> None:
    assert await read(Caller([{"type": "http.request"}])) == b""


@pytest.mark.parametrize("parts", [[b"12345678901"], [b"1234567890", b"1"]])
async def test_a_body_one_byte_too_long_is_refused(parts: list[bytes]) -> None:
    """At once: it has ended, so there is nothing to wait for, and no time-out to run into."""
    with pytest.raises(BodyTooLargeError, match="at most 10 bytes"):
        await read(whole(*parts), timeout_s=0.1)


async def test_a_body_that_says_it_is_too_long_is_refused() -> None:
    with pytest.raises(BodyTooLargeError):
        await read(whole(b"1"), {"content-length": "11"})


async def test_a_body_as_long_as_it_may_say_is_taken() -> None:
    assert await read(whole(b"1234567890"), {"content-length": "10"}) == b"1234567890"


@pytest.mark.parametrize("declared", ["", "-1", "x", "1e9", "²"])
async def test_an_odd_declared_length_is_not_believed(declared: str) -> None:
    assert await read(whole(b"1"), {"content-length": declared}) == b"1"


async def test_who_asks_before_sending_too_much_is_refused_at_once() -> None:
    caller = endless(b"x" * 1024)

    with pytest.raises(BodyTooLargeError):
        await read(caller, {"content-length": "11", "expect": "100-continue"})

    assert caller.taken_bytes == 0


@pytest.mark.parametrize("declared", [{}, {"content-length": "999999999999"}])
async def test_of_an_endless_body_only_so_much_is_taken_in(declared: dict[str, str]) -> None:
    caller = endless(b"x" * 1024 * 1024)

    with pytest.raises(BodyTooLargeError):
        await read(caller, declared)

    assert caller.taken_bytes <= LINGER_BYTES_MAX + 1024 * 1024


async def test_a_body_that_never_ends_is_cut(silent: Caller) -> None:
    with pytest.raises(BodyTimeoutError, match=r"longer than 0\.01 s"):
        await read(silent, timeout_s=0.01)


async def test_a_body_that_is_too_long_and_stalls_is_not_waited_for() -> None:
    with pytest.raises(BodyTooLargeError):
        await read(Caller([part(b"x" * 11)]))


async def test_a_body_that_is_too_long_and_never_ends_is_cut_all_the_same() -> None:
    with pytest.raises(BodyTimeoutError):
        await read(Caller([part(b"x" * 11)]), timeout_s=0.01)


@pytest.mark.parametrize("messages", [[GONE], [part(b"{"), GONE]])
async def test_a_caller_that_disconnects_is_not_waited_for(messages: list[Message]) -> None:
    with pytest.raises(ClientGoneError):
        await read(Caller(messages))


async def test_a_caller_that_disconnects_after_sending_too_much_is_refused() -> None:
    with pytest.raises(BodyTooLargeError):
        await read(Caller([part(b"x" * 11), GONE]))
