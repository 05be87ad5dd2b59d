"""The interface of endpoints, and routes that carry their OpenAPI entry."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from app.web.openapi import Operation

Answer = Callable[[Request], Awaitable[Response]]


class Endpoint(Protocol):
    """An endpoint declares, describes and answers its own routes."""

    def routes(self) -> Sequence[BaseRoute]:
        """Return its routes. A route that another's pattern would match must come earlier."""


class StraightRoute(APIRoute):
    """A route that the application calls as plain ASGI, without the router (decision 0002)."""

    def __init__(self, path: str, app: ASGIApp, operation: Operation) -> None:
        super().__init__(path, _by_the_router, methods=["POST"], **_described(operation))
        self.app = app


def get(path: str, answer: Answer, operation: Operation) -> APIRoute:
    """Return a GET route with its OpenAPI entry."""
    return APIRoute(path, answer, methods=["GET"], **_described(operation))


def get_and_head(path: str, answer: Answer, operation: Operation) -> list[APIRoute]:
    """Return a GET route with its OpenAPI entry, and HEAD, to which the server adds no body."""
    return [get(path, answer, operation), undescribed(path, answer, "HEAD")]


def post(path: str, answer: Answer, operation: Operation) -> APIRoute:
    """Return a POST route with its OpenAPI entry."""
    return APIRoute(path, answer, methods=["POST"], **_described(operation))


def undescribed(path: str, answer: Answer, *methods: str) -> APIRoute:
    """Return a route without an OpenAPI entry: HEAD, or a file that only our own page loads."""
    return APIRoute(path, answer, methods=[*methods], include_in_schema=False)


def _described(operation: Operation) -> dict[str, Any]:
    status, described = next(iter(operation.answers.items()))
    return {
        "status_code": int(status),
        "response_description": described["description"],
        "response_class": Response,
        "openapi_extra": operation.as_openapi(),
    }


async def _by_the_router(_: Request) -> Response:
    """Stand-in that `StraightRoute` replaces with its own application."""
    raise NotImplementedError
