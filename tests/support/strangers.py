"""What a stranger does to a service: many connections at once, over real sockets, in raw bytes."""

import asyncio
import contextlib
import selectors
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.builders import DEADLINE_S

MIB = 1024 * 1024
FLOOD_S_MAX = 120.0


@dataclass(frozen=True, slots=True)
class Connection:
    """One of a stranger's connections."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, data: bytes) -> None:
        """Send as much of it as the service takes."""
        with contextlib.suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def status(self) -> int | None:
        """Read the next answer to its end; its status, or None if the service closed instead."""
        answer = await self.answer()
        return answer[0] if answer else None

    async def answer(self) -> tuple[int, bytes] | None:
        """The next answer's status and body, as far as it came; None if there is none."""
        lines: list[bytes] = []
        body = b""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            async with asyncio.timeout(DEADLINE_S):
                while line := (await self.reader.readline()).strip():
                    lines.append(line.lower())
                for line in lines:
                    if line.startswith(b"content-length:"):
                        body = await self.reader.readexactly(int(line.partition(b":")[2]))
        return (int(lines[0].split()[1]), body) if lines else None

    async def ends(self) -> None:
        """Wait until the service closes."""
        with contextlib.suppress(ConnectionError):
            while await asyncio.wait_for(self.reader.read(MIB), DEADLINE_S):
                pass


@asynccontextmanager
async def connected(
    address: tuple[str, int], count: int, *, sources: Sequence[str] = ("127.0.0.1",)
) -> AsyncIterator[list[Connection]]:
    """`count` connections, from each of `sources` in turn."""
    async with AsyncExitStack() as stack:
        connections = []
        for number in range(count):
            source = sources[number % len(sources)]
            reader, writer = await asyncio.open_connection(*address, local_addr=(source, 0))
            stack.callback(writer.transport.abort)
            connections.append(Connection(reader, writer))
        yield connections


class Poured:
    """One of a flood's connections: it sends what it can, and hears its first answer."""

    def __init__(self, address: tuple[str, int], source: str) -> None:
        self.socket = socket.create_connection(address, DEADLINE_S, (source, 0))
        self.socket.settimeout(0)
        self.unsent = memoryview(b"")
        self.heard = b""
        self.is_over = False

    @property
    def status(self) -> int | None:
        """The answer's status; None where there was none."""
        return int(self.heard.split()[1]) if b"\r\n" in self.heard else None

    def go_on(self, events: int) -> None:
        """Send and receive as much as the kernel takes and has."""
        with contextlib.suppress(BlockingIOError):
            try:
                if events & selectors.EVENT_READ:
                    received = self.socket.recv(MIB)
                    self.heard += received
                    self.is_over = not received or self.status is not None
                elif self.unsent:
                    self.unsent = self.unsent[self.socket.send(self.unsent) :]
            except ConnectionError:
                self.is_over = True


def pour(
    address: tuple[str, int], parts: Sequence[bytes], *, count: int, source: str, held_max: int
) -> list[int | None]:
    """Send the same request on `count` connections at once; each one's status.

    All are connected before the first byte is sent, and all send a part before any of them sends
    the next one: no more than `held_max` may be without an answer then. One thread and a selector:
    thousands of asyncio's connections would take more of the machine than the service does.
    """
    flood = [Poured(address, source) for _ in range(count)]
    try:
        for part in parts[:-1]:
            _send(flood, part, held_max)
        _send(flood, parts[-1], 0)
        return [each.status for each in flood]
    finally:
        for each in flood:
            each.socket.close()


def _send(flood: Sequence[Poured], part: bytes, held_max: int) -> None:
    stop_at_s = time.monotonic() + FLOOD_S_MAX
    with selectors.DefaultSelector() as selector:
        waiting = {each for each in flood if not each.is_over}
        for each in waiting:
            each.unsent = memoryview(part)
            selector.register(each.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, each)
        while len(waiting) > held_max:
            assert time.monotonic() < stop_at_s, f"{len(waiting)} are without an answer"
            for key, events in selector.select(1):
                each = key.data
                each.go_on(events)
                if each.is_over:
                    selector.unregister(each.socket)
                    waiting.discard(each)
                elif not each.unsent:
                    selector.modify(each.socket, selectors.EVENT_READ, each)


def most_resident_mib(pid: int) -> float:
    """The most memory that a process has had at once, in MiB (proc(5), VmHWM)."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmHWM:")[2].split()[0]) / 1024


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
