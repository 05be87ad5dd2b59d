"""uvicorn's warnings about requests are limited to one line in ten seconds."""

import logging
from pathlib import Path

import pytest
from uvicorn.protocols.http import httptools_impl

from app.observability.quiet_uvicorn import LINE_EVERY_S, OneLineInTenSeconds
from tests.support.processes import running_process
from tests.support.strangers import connected

BAD = {
    "malformed": b"\x00\r\n\r\n",
    "without a host": b"GET / HTTP/1.1\r\n\r\n",
    "an upgrade": (
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n"
    ),
}


def record(
    words: str, *, level: int = logging.WARNING, path: str = httptools_impl.__file__
) -> logging.LogRecord:
    return logging.LogRecord("uvicorn.error", level, path, 1, words, ("x",), None)


def test_one_line_passes_and_the_next_one_counts_those_left_out() -> None:
    now_s = [100.0]
    quiet = OneLineInTenSeconds(lambda: now_s[0])

    passed = [quiet.filter(record("bad %s")) for _ in range(5)]
    now_s[0] += LINE_EVERY_S
    later = record("bad %s")
    passed.append(quiet.filter(later))

    assert passed == [True, False, False, False, False, True]
    assert later.getMessage() == "bad x (4 more lines like this left out)"


def test_errors_and_what_is_not_of_a_request_always_pass() -> None:
    quiet = OneLineInTenSeconds(lambda: 100.0)
    others = [
        record("defect %s", level=logging.ERROR),
        record("stopping %s", path="/site-packages/uvicorn/server.py"),
    ]

    assert quiet.filter(record("bad %s"))
    assert [quiet.filter(other) for other in others * 3] == [True] * 6


@pytest.mark.parametrize("module", [("app", "serve"), ("uvicorn", "app.main:app")])
async def test_a_hundred_bad_requests_of_each_kind_are_few_lines(
    tmp_path: Path, module: tuple[str, ...]
) -> None:
    async with running_process(tmp_path, module=module) as running:
        for bad in BAD.values():
            async with connected(running.service.address, 100) as connections:
                for connection in connections:
                    await connection.say(bad)
                for connection in connections:
                    await connection.ends()

    warned = [line for line in running.lines if "Invalid HTTP" in line or "upgrade" in line]
    assert 1 <= len(warned) < 20  # one in ten seconds, however slow the machine is
