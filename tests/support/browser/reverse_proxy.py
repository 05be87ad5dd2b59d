"""A reverse proxy that serves the service below a path, and the shop everywhere else.

It only strips the path, like Caddy's `handle_path`. A URL in an answer that lacks the path leads to
the shop, which has no such page.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import httpx
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tests.support.builders import DEADLINE_S, serving

PREFIX: Final = "/pay"
_HOP_BY_HOP: Final = ("connection", "keep-alive", "transfer-encoding")
_OF_THE_SERVICE: Final = ("/checkout", "/webhooks", "/docs", "/openapi")


@dataclass(slots=True)
class ReverseProxy:
    """The two backends, known after the start, and their requests."""

    client: httpx.AsyncClient
    url: str = ""
    service_url: str = ""
    shop_url: str = ""
    paths: list[str] = field(default_factory=list)

    @property
    def lost(self) -> list[str]:
        """Return the service's paths that were requested without the prefix."""
        return [path for path in self.paths if path.startswith(_OF_THE_SERVICE)]

    async def forward(self, request: Request) -> Response:
        """Forward one request, and stream its answer back."""
        path = request.url.path
        self.paths.append(path)
        is_ours = path.startswith(f"{PREFIX}/")
        base = self.service_url if is_ours else self.shop_url
        query = f"?{request.url.query}" if request.url.query else ""
        asked = self.client.build_request(
            request.method,
            f"{base}{path.removeprefix(PREFIX) if is_ours else path}{query}",
            headers=[(name, value) for name, value in request.headers.raw if name != b"host"],
            content=await request.body(),
        )
        answer = await self.client.send(asked, stream=True)
        handed = StreamingResponse(
            answer.aiter_raw(), answer.status_code, background=BackgroundTask(answer.aclose)
        )
        handed.raw_headers = list(answer.headers.raw)
        headers = MutableHeaders(raw=handed.raw_headers)
        for name in _HOP_BY_HOP:
            del headers[name]
        return handed


@asynccontextmanager
async def running_reverse_proxy() -> AsyncIterator[ReverseProxy]:
    # Only streams have no end.
    timeout = httpx.Timeout(DEADLINE_S, read=None)
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=timeout, limits=limits, trust_env=False) as client:
        proxy = ReverseProxy(client)
        methods = ["GET", "HEAD", "POST", "OPTIONS"]
        app = Starlette(routes=[Route("/{path:path}", proxy.forward, methods=methods)])
        async with serving(app) as here:
            proxy.url = f"http://localhost:{here.base_url.port}"
            yield proxy
