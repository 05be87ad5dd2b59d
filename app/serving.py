"""Runs uvicorn around the service, with the limits that belong to the socket."""

import contextlib
import errno
import logging
import os
import socket
import sys
from typing import TYPE_CHECKING, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.bootstrap import create_app
from app.settings.settings import Settings
from app.usecases.live_places import PLACES_MAX
from app.web.http.connections import Connections
from app.web.http.guarded_http import GuardedHttp

if TYPE_CHECKING:
    from types import FrameType

DRAIN_S: Final = 20  # what is in flight at SIGTERM may still finish
KEEP_ALIVE_S: Final = 30

_log = logging.getLogger("uvicorn.error")


def run(
    settings: Settings,
    *,
    host: str,
    port: int,
    connections: Connections | None = None,
    places_max: int = PLACES_MAX,
) -> None:
    """Serve until a signal; then stop accepting, drain, and return.

    `connections` and `places_max` limit what is open at once, where that is to be less than usual.

    The address is taken first, so that nothing says "started" where another program has it.

    Raises:
        CannotListenError: the address cannot be taken.
    """
    listeners = listen(host, port)
    connections = connections or Connections(trusted_proxies=settings.trusted_proxies)
    app = create_app(settings, connections, places_max=places_max)
    server = _Server(make_config(app, host=host, port=port, connections=connections))
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
        return f"port {port} of {host} is in use; stop what listens there, or set another --port"
    if error.errno == errno.EACCES:
        return f"port {port} of {host} is not ours to take; set --port to 1024 or more"
    reason = (error.strerror or "no such address").lower()
    return f"{host} port {port} cannot be listened on ({reason}); set another --host"


class _Server(uvicorn.Server):
    """Says where it listens once it does, as uvicorn says only of sockets that it binds itself."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            host, port = listener.getsockname()[:2]
            where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            _log.info("Uvicorn running on http://%s (Press CTRL+C to quit)", where)


def guard_uvicorn(connections: Connections) -> None:
    """Put our limits into the uvicorn that imports this application, if one does.

    `uvicorn app.main:app` tells the application nothing of its configuration, so we look for it
    among our callers. Its worker processes have chosen their protocol by then, a single process has
    not. Another protocol that was asked for on the command line is left as it is.
    """
    config = _calling_config()
    if config is None:
        return
    chosen = getattr(config, "http_protocol_class", None)
    if chosen is HttpToolsProtocol:
        config.http_protocol_class = GuardedHttp.with_limits(connections)
    elif chosen is None and config.http in ("auto", "httptools"):
        config.http = GuardedHttp.with_limits(connections)
    else:
        return
    config.proxy_headers = False  # TRUSTED_PROXIES says whom to believe
    if config.timeout_graceful_shutdown is None:
        config.timeout_graceful_shutdown = DRAIN_S


def _calling_config() -> uvicorn.Config | None:
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 the documented way to one's callers
    while frame is not None:
        caller = frame.f_locals.get("self")
        if isinstance(caller, uvicorn.Config):
            return caller
        frame = frame.f_back
    return None


def make_config(
    app: ASGIApp, *, host: str, port: int, connections: Connections | None = None
) -> uvicorn.Config:
    """How uvicorn serves: no header of its own, no log of its own, no proxy's word taken."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=GuardedHttp.with_limits(connections or Connections()),
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
