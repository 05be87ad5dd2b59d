"""What is at the addresses that need a token while no token is configured: nothing."""

from collections.abc import Sequence

from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from app.domain.errors import NotFoundError
from app.web.http.cors import NOT_FOR_PAGES


class HiddenEndpoint:
    """Answers 404 to every method, where the router would say which methods exist."""

    def routes(self) -> Sequence[BaseRoute]:
        """Every address that needs a token."""
        return [_HiddenRoute()]


class _HiddenRoute(BaseRoute):
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        is_hidden = scope["type"] == "http" and NOT_FOR_PAGES.fullmatch(scope["path"])
        return (Match.FULL if is_hidden else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        raise NotFoundError("There is nothing at this address.")
