"""Runs the service in uvicorn, with limits on connections."""

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

DRAIN_S: Final = 20  # requests in progress at SIGTERM may still finish
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
    """Serve until a signal; then stop accepting, finish requests in progress, and return.

    `connections` and `places_max` override the default limits.

    The address is bound first, so that "started" is not logged if another program uses it.

    Raises:
        CannotListenError: the address cannot be bound.
        SettingsError: the catalog was broken meanwhile.
    """
    listeners = listen(host, port)
    connections = connections or Connections(trusted_proxies=settings.trusted_proxies)
    app = create_app(settings, connections, places_max=places_max)
    server = _Server(make_config(app, host=host, port=port, connections=connections))
    with contextlib.suppress(
        KeyboardInterrupt
    ):  # uvicorn has finished, and raises the signal again
        server.run(sockets=listeners)


class CannotListenError(Exception):
    """The address cannot be bound; the message says why, and what to do."""


def listen(host: str, port: int) -> list[socket.socket]:
    """Return a bound socket for each address of `host`.

    Raises:
        CannotListenError: one of them cannot be bound.
    """
    listeners: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in dict.fromkeys(found):
            listener = socket.socket(family, kind, protocol)
            listeners.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:  # the same port of IPv4 is a separate socket
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
    except OSError as error:
        for listener in listeners:
            listener.close()
        raise CannotListenError(_why_not(host, port, error)) from error
    return listeners


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use; stop the other program, or set another --port"
    if error.errno == errno.EACCES:
        return f"port {port} of {host} needs root; set --port to 1024 or more"
    reason = (error.strerror or "no such address").lower()
    return f"{host} port {port} cannot be listened on ({reason}); set another --host"


class _Server(uvicorn.Server):
    """Logs its addresses when it listens; uvicorn does so only for sockets that it binds."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            host, port = listener.getsockname()[:2]
            where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            _log.info("Uvicorn running on http://%s (Press CTRL+C to quit)", where)


def guard_uvicorn(connections: Connections) -> None:
    """Add our limits to the uvicorn that imports this application, if there is one.

    `uvicorn app.main:app` does not pass its configuration to the application, so this looks for it
    among the callers. Worker processes have chosen their protocol by then, a single process has
    not. Another protocol chosen on the command line is not changed.
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
    config.proxy_headers = False  # TRUSTED_PROXIES decides which proxies are trusted
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
    """Return uvicorn's configuration: no own headers, no access log, no trust in proxies."""
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
