"""Runs uvicorn around the service, with the limits that belong to the socket."""

import contextlib
import errno
import logging
import os
import socket
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from app.bootstrap import create_app
from app.settings import Settings
from app.web.guarded_http import GuardedHttp

DRAIN_S: Final = 20  # what is in flight at SIGTERM may still finish
KEEP_ALIVE_S: Final = 30

_log = logging.getLogger("uvicorn.error")


def run(settings: Settings, *, host: str, port: int) -> None:
    """Serve until a signal; then stop accepting, drain, and return.

    The address is taken first, so that nothing says "started" where another program has it.

    Raises:
        CannotListenError: the address cannot be taken.
    """
    listeners = listen(host, port)
    server = _Server(make_config(create_app(settings), host=host, port=port))
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn has drained, and raises it once more
        server.run(sockets=listeners)


class CannotListenError(Exception):
    """The address cannot be taken; the words say why, and what to do."""


def listen(host: str, port: int) -> list[socket.socket]:
    """A bound socket for each address that `host` stands for.

    Raises:
        CannotListenError: one of them cannot be taken.
    """
    listeners: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in dict.fromkeys(found):
            listener = socket.socket(family, kind, protocol)
            listeners.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:  # the same port of IPv4 is another listener's
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
    except OSError as error:
        for listener in listeners:
            listener.close()
        raise CannotListenError(_why_not(host, port, error)) from error
    return listeners


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use; stop what listens there, or set PORT or --port"
    if error.errno == errno.EACCES:
        return f"port {port} of {host} is not ours to take; set PORT or --port to 1024 or more"
    reason = (error.strerror or "no such address").lower()
    return f"{host} port {port} cannot be listened on ({reason}); set HOST or --host"


class _Server(uvicorn.Server):
    """Says where it listens once it does, as uvicorn says only of sockets that it binds itself."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            host, port = listener.getsockname()[:2]
            where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            _log.info("Uvicorn running on http://%s (Press CTRL+C to quit)", where)


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
