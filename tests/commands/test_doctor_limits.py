"""`doctor` asks the Redis that has the rate limits' counts."""

import asyncio
import re
from pathlib import Path

from tests.support.builders import settings
from tests.support.examining import FAILS, OK, findings, found
from tests.support.wire import closed_port


async def test_a_redis_that_is_not_there_fails_without_its_password(tmp_path: Path) -> None:
    host = f"127.0.0.1:{closed_port()}"

    finding = await found(tmp_path, "rate limits", rate_limit_storage=f"redis://:hunter2@{host}/0")

    assert finding.verdict is FAILS
    assert f"Redis at {host} does not answer (ConnectionError)" in finding.message
    assert "RATE_LIMIT_STORAGE" in finding.message
    assert "hunter2" not in finding.message


async def test_a_redis_that_answers_is_fine(tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while received := await reader.read(4096):
            writer.write(b"+PONG\r\n" * len(re.findall(rb"^\*", received, re.MULTILINE)))
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finding = await found(tmp_path, "rate limits", rate_limit_storage=f"redis://{host}")

    assert finding.verdict is OK
    assert finding.message == f"Redis at {host} answers"


async def test_counts_in_memory_have_no_line(tmp_path: Path) -> None:
    assert "rate limits" not in await findings(settings(tmp_path))
