"""What the application asks of an endpoint, and how a route and its OpenAPI entry become one."""

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
    """One file's part of the service: it declares, describes and answers its own addresses."""

    def routes(self) -> Sequence[BaseRoute]:
        """Where it answers. An address that another's pattern would match comes earlier."""


class StraightRoute(APIRoute):
    """A route that the application calls as plain ASGI, without the router (decision 0002)."""

    def __init__(self, path: str, app: ASGIApp, operation: Operation) -> None:
        super().__init__(path, _by_the_router, methods=["POST"], **_described(operation))
        self.app = app


def get(path: str, answer: Answer, operation: Operation) -> APIRoute:
    """A described route for GET."""
    return APIRoute(path, answer, methods=["GET"], **_described(operation))


def post(path: str, answer: Answer, operation: Operation) -> APIRoute:
    """A described route for POST."""
    return APIRoute(path, answer, methods=["POST"], **_described(operation))


def undescribed(path: str, answer: Answer, *methods: str) -> APIRoute:
    """A route that is not part of the contract: a HEAD, or a file that only our own page loads."""
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
    """What `StraightRoute` puts its own application in place of."""
    raise NotImplementedError
