"""Runs uvicorn around the service, with the limits that belong to the socket."""

import contextlib
import os
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from app.bootstrap import create_app
from app.settings import Settings
from app.web.guarded_http import GuardedHttp

DRAIN_S: Final = 20  # what is in flight at SIGTERM may still finish
KEEP_ALIVE_S: Final = 30


def run(settings: Settings, *, host: str, port: int) -> None:
    """Serve until a signal; then stop accepting, drain, and return."""
    server = uvicorn.Server(make_config(create_app(settings), host=host, port=port))
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn has drained, and raises it once more
        server.run()


def make_config(app: ASGIApp, *, host: str, port: int) -> uvicorn.Config:
    """How uvicorn serves: no header of its own, no log of its own, no proxy's word taken."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=GuardedHttp,
        loop="auto" if os.name == "nt" else "uvloop",
        ws="none",
        lifespan="on",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
    )
