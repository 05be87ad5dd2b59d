"""What a stranger does to a service: many connections at once, over real sockets, in raw bytes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.builders import DEADLINE_S

MIB = 1024 * 1024
PIECE = 64 * 1024


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

    async def trickle(self, head: bytes, body: bytes) -> None:
        """Send a request piece by piece, as the service takes them, so that nothing piles up."""
        await self.say(head)
        for start in range(0, len(body), PIECE):
            if self.writer.is_closing():
                return
            await self.say(body[start : start + PIECE])

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


def most_resident_mib(pid: int) -> float:
    """The most memory that a process has had at once, in MiB (proc(5), VmHWM)."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmHWM:")[2].split()[0]) / 1024


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
