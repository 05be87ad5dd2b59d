"""GET /docs: the API in Swagger UI, to read and try out.

Swagger UI's own files come from the package fastapi-offline, so the page needs no internet. All
addresses are relative, because a proxy may serve the service below a path.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import fastapi_offline
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute

from app.domain.errors import NotFoundError
from app.web.pages.pages import SECURITY_HEADERS, TEMPLATES, closed_policy
from app.web.routes import undescribed

_SWAGGER_UI: Final = Path(fastapi_offline.__file__).parent / "static"
_FILES: Final = {
    "swagger-ui.css": (_SWAGGER_UI / "swagger-ui.css", "text/css"),
    "swagger-ui-bundle.js": (_SWAGGER_UI / "swagger-ui-bundle.js", "text/javascript"),
    "start.js": (Path(__file__).parent / "static" / "docs.js", "text/javascript"),
}
# Swagger UI's style sheet contains small pictures as data: URLs.
_POLICY: Final = closed_policy(
    "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'"
)
_FILE_HEADERS: Final = {
    "Cache-Control": "public, max-age=3600",
    "X-Content-Type-Options": "nosniff",
}


class DocsEndpoint:
    """Serves the page and the files that it loads."""

    def __init__(self) -> None:
        self._html = (TEMPLATES / "docs.html").read_text()

    def routes(self) -> Sequence[BaseRoute]:
        """Serve GET and HEAD for /docs and each file below it."""
        return [
            undescribed("/docs", self.answer, "GET", "HEAD"),
            undescribed("/docs/{name}", self.file, "GET", "HEAD"),
        ]

    async def answer(self, _: Request) -> Response:
        """Return the page."""
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
        return HTMLResponse(self._html, headers=SECURITY_HEADERS | headers)

    async def file(self, request: Request) -> Response:
        """Return one file of the page.

        Raises:
            NotFoundError: the page has no such file.
        """
        name = request.path_params["name"]
        if name not in _FILES:
            raise NotFoundError("There is nothing at this address.")
        path, media_type = _FILES[name]
        return FileResponse(path, headers=_FILE_HEADERS, media_type=media_type)
