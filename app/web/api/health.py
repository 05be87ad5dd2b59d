"""/health/live: the process is running. /health/ready: it can do its work, so it can commit."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from app.web.openapi import TEXT, Operation, Schema, content, object_schema
from app.web.routes import get_and_head

CHECK_TIMEOUT_S: Final = 3.0
FRESH_S: Final = 1.0  # anybody can call this, so frequent calls must not cause frequent writes

_PART: Final[Schema] = {"type": "string", "enum": ["ok", "failing"]}
_READINESS: Final = object_schema(
    "Readiness",
    {
        "status": _PART,
        "failing": {"type": "array", "items": TEXT},
        "parts": {"type": "object", "additionalProperties": _PART},
    },
)
_CHECK_LIVENESS: Final = Operation(
    id="checkLiveness",
    tag="operations",
    summary="Check whether the process is running",
    answers={
        "200": {
            "description": "It runs.",
            **content(object_schema("Liveness", {"status": TEXT})),
        }
    },
)
_CHECK_READINESS: Final = Operation(
    id="checkReadiness",
    tag="operations",
    summary="Check whether a payment could be recorded now",
    answers={
        "200": {"description": "It could.", **content(_READINESS)},
        "503": {"description": "It could not; `failing` lists what fails.", **content(_READINESS)},
    },
)

_log = structlog.get_logger()

Check = Callable[[], Awaitable[None]]


class Liveness:
    """Answers as long as the event loop runs."""

    def routes(self) -> Sequence[BaseRoute]:
        """GET and HEAD /health/live."""
        return get_and_head("/health/live", self.answer, _CHECK_LIVENESS)

    async def answer(self, _: Request) -> Response:
        """Return 200."""
        return _answer({"status": "ok"}, 200)


class Readiness:
    """Runs every check, at most once a second for any number of requests."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._asking = asyncio.Lock()
        self._known: dict[str, bool] = {}
        self._known_until = 0.0

    def routes(self) -> Sequence[BaseRoute]:
        """GET and HEAD /health/ready."""
        return get_and_head("/health/ready", self.answer, _CHECK_READINESS)

    async def answer(self, _: Request) -> Response:
        """Return 200, or 503 with the names of the failing parts."""
        known = await self.parts()
        failing = [name for name, passes in known.items() if not passes]
        parts = {name: "ok" if passes else "failing" for name, passes in known.items()}
        status = "failing" if failing else "ok"
        return _answer(
            {"status": status, "failing": failing, "parts": parts}, 503 if failing else 200
        )

    async def parts(self) -> Mapping[str, bool]:
        """Return whether each part can do its work."""
        async with self._asking:
            if time.monotonic() >= self._known_until:
                self._known = {name: await _passes(name, c) for name, c in self._checks.items()}
                self._known_until = time.monotonic() + FRESH_S
            return self._known


async def _passes(name: str, check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await check()
    except Exception as error:  # noqa: BLE001 whatever is wrong, the answer is: not ready
        _log.warning("not_ready", part=name, error=type(error).__name__)
        return False
    return True


def _answer(document: Mapping[str, object], status: int) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(document), status, headers, media_type="application/json")
