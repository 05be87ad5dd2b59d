"""Outermost middleware: gives every request an id, measures it, and logs the notable ones."""

import logging
import re
import secrets
import time
from functools import cache
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.observability.metrics import Metrics

_log = structlog.get_logger()

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9_.-]{8,64}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SERVER_ERROR: Final = 500


class RequestLog:
    """Wraps the service. Errors and log lines contain `scope["state"]["request_id"]`."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        # Cached, because finding a series costs more than counting; their number is limited.
        self._requests = cache(metrics.requests.labels)
        self._seconds = cache(metrics.request_seconds.labels)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; measure and log it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        answer = _Answer(send, request_id)
        try:
            await self._app(scope, receive, answer.send)
        except Exception:
            _log.exception("internal_error", route=_route(scope))
            if not answer.started:
                raise
        finally:
            self._observe(scope, answer, time.perf_counter() - began)

    def _observe(self, scope: Scope, answer: "_Answer", seconds: float) -> None:
        route = _route(scope)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._requests(route, method, answer.status).inc()
        self._seconds(route).observe(seconds)
        if answer.status >= _SERVER_ERROR or route == "/checkout":
            _log.log(
                logging.WARNING if answer.status >= _SERVER_ERROR else logging.INFO,
                "request",
                route=route,
                method=method,
                status=answer.status,
                ms=round(seconds * 1000, 1),
                **_failure(scope),
            )


class _Answer:
    """Remembers the response's status, and adds the request id to its headers."""

    __slots__ = ("_send", "request_id", "started", "status")

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.status = 499  # the client disconnected before the response
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            message["headers"] = [
                *message.get("headers", ()),
                (b"x-request-id", self.request_id.encode()),
            ]
        await self._send(message)


def _request_id(scope: Scope) -> str:
    """Return the proxy's request id if it is valid, or a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return bytes(value).decode()
    return secrets.token_hex(12)


def _failure(scope: Scope) -> dict[str, str]:
    """Return an error's code and reason for the log."""
    error = scope["state"].get("error")
    if error is None:
        return {}
    reason = getattr(error, "reason", None)
    return {"code": error.code} | ({"reason": reason} if reason else {})


def _route(scope: Scope) -> str:
    """Return the route's template, never the path: paths contain ids and are unlimited."""
    return str(getattr(scope.get("route"), "path", scope["state"].get("route", "unmatched")))
