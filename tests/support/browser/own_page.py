"""A page that a test writes itself, with a fault that must be noticed."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tests.support.builders import serving

GOOD: Final = """
<!doctype html>
<html lang="en">
<head><title>Good</title><link rel="icon" href="data:,"></head>
<body><main><h1>Good</h1>
<a href="/other">Other</a>
{more}
</main></body>
</html>
"""
STRICT: Final = {"Content-Security-Policy": "default-src 'none'; img-src data:"}


@dataclass(slots=True)
class OwnPage:
    """A small server's page for every URL, and the requests it got."""

    url: str
    html: str = GOOD.format(more="")
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    languages: list[str] = field(default_factory=list)

    def add(self, more: str) -> None:
        """Show a good page that contains this."""
        self.html = GOOD.format(more=more)


@dataclass(slots=True)
class PageServer:
    """Serve one page at every URL."""

    url: str
    page: OwnPage

    def new_page(self) -> OwnPage:
        self.page = OwnPage(self.url)
        return self.page


@asynccontextmanager
async def running_page_server() -> AsyncIterator[PageServer]:
    async def show(request: Request) -> Response:
        page = server.page
        page.languages.append(request.headers["Accept-Language"])
        return HTMLResponse(page.html, page.status, page.headers)

    async with serving(Starlette(routes=[Route("/{path:path}", show)])) as client:
        url = str(client.base_url)
        server = PageServer(url, OwnPage(url))
        yield server
