"""Ports for servers that cannot take port 0 and say what they got."""

import random
import socket
from typing import Final

# Below the range from which systems take ports for outgoing connections (Linux: 32768, others:
# 49152): from that, another test's connection may take the port before the server listens.
_FIRST: Final = 10_000
_LAST: Final = 32_000


def free_port() -> int:
    """Return a port that nobody listens on."""
    while True:
        port = random.SystemRandom().randint(_FIRST, _LAST)
        try:
            with socket.create_server(("", port)):
                return port
        except OSError:
            continue


def is_listening(port: int) -> bool:
    """Return whether a server listens on this port of the loopback interface."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
