import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing

import orjson
import pytest
from starlette.requests import Request
from starlette.responses import Response

from app.web.api.health import CHECK_TIMEOUT_S, FRESH_S, Liveness, Readiness
from tests.support.builders import Service

Wait = Callable[[float], None]

REQUEST = Request({"type": "http", "method": "GET", "path": "/health/ready", "headers": []})


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Wait:
    """Lets seconds pass on the machine's clock, which the event loop and the service read."""
    passed_s = 0.0
    monotonic = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + passed_s)

    def let_pass(seconds: float) -> None:
        nonlocal passed_s
        passed_s += seconds

    return let_pass


class Counted:
    """A check that counts how often it is asked, and fails while it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.began = asyncio.Event()
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self) -> None:
        self.asked += 1
        self.began.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error


def body(response: Response) -> object:
    return orjson.loads(bytes(response.body))


async def passes() -> None:
    return


def fails_with(error: Exception) -> Callable[[], Awaitable[None]]:
    async def check() -> None:
        raise error

    return check


async def test_a_process_whose_loop_turns_is_alive() -> None:
    response = await Liveness().answer(REQUEST)

    assert (response.status_code, body(response)) == (200, {"status": "ok"})
    assert response.headers["cache-control"] == "no-store"


async def test_it_is_ready_when_every_part_is() -> None:
    response = await Readiness({"database": passes, "disk": passes}).answer(REQUEST)

    assert response.status_code == 200
    assert body(response) == {
        "status": "ok",
        "failing": [],
        "parts": {"database": "ok", "disk": "ok"},
    }
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "error", [OSError("private path"), KeyError("defect"), TimeoutError(), RuntimeError("x")]
)
async def test_the_failing_part_is_named_without_its_reason(error: Exception) -> None:
    response = await Readiness({"disk": passes, "database": fails_with(error)}).answer(REQUEST)

    assert response.status_code == 503
    assert body(response) == {
        "status": "failing",
        "failing": ["database"],
        "parts": {"disk": "ok", "database": "failing"},
    }
    assert b"private" not in bytes(response.body)


async def test_many_who_ask_at_once_cost_one_check() -> None:
    check = Counted()
    check.gate.clear()
    ready = Readiness({"database": check})

    asking = [asyncio.create_task(ready.answer(REQUEST)) for _ in range(50)]
    await check.began.wait()
    check.gate.set()
    responses = await asyncio.gather(*asking)

    assert {response.status_code for response in responses} == {200}
    assert check.asked == 1


async def test_an_answer_is_kept_for_a_second_and_then_found_out_again(wait: Wait) -> None:
    check = Counted()
    ready = Readiness({"database": check})

    before = await ready.answer(REQUEST)
    check.error = OSError()
    wait(FRESH_S * 0.9)
    meanwhile = await ready.answer(REQUEST)
    wait(FRESH_S * 0.1)
    afterwards = await ready.answer(REQUEST)

    statuses = [response.status_code for response in (before, meanwhile, afterwards)]
    assert statuses == [200, 200, 503]
    assert check.asked == 2


async def test_a_check_that_hangs_is_a_failing_part(wait: Wait) -> None:
    check = Counted()
    check.gate.clear()
    asking = asyncio.create_task(Readiness({"database": check}).answer(REQUEST))
    await check.began.wait()

    wait(CHECK_TIMEOUT_S)
    async with asyncio.timeout(60):
        response = await asking

    assert response.status_code == 503


async def test_health_answers_head_and_get_over_a_socket(service: Service) -> None:
    for path in ("/health/live", "/health/ready", "/metrics"):
        get = await service.client.get(path)
        head = await service.client.head(path)

        assert (get.status_code, head.status_code) == (200, 200)
        assert head.headers["content-type"] == get.headers["content-type"]
        assert head.content == b""


async def test_a_database_that_cannot_be_written_is_named(
    service: Service,
) -> None:
    with closing(sqlite3.connect(service.database_path)) as connection:
        connection.execute("ALTER TABLE heartbeat RENAME TO elsewhere")

    ready = await service.client.get("/health/ready")
    live_ = await service.client.get("/health/live")

    assert ready.status_code == 503
    assert ready.json()["failing"] == ["database"]
    assert live_.status_code == 200


async def test_being_ready_means_that_a_row_was_committed(service: Service) -> None:
    await service.client.get("/health/ready")

    with closing(sqlite3.connect(service.database_path)) as connection:
        rows = connection.execute("SELECT id, at_ms > 0 FROM heartbeat").fetchall()
    assert rows == [(1, 1)]
