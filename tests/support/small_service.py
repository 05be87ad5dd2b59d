"""The service with low limits that a test can reach: a module for `running_process`.

The limits come from the environment, because the service has no settings for them.
"""

import os
import sys

from app.bootstrap import prepare
from app.serving import run
from app.settings.settings import load_settings
from app.web.http.connections import Connections

MODULE = ("tests.support.small_service",)


def room(*, connections: int = 5_000, of_peer: int = 256, places: int = 4_000) -> dict[str, str]:
    """Return the environment of a service with these limits."""
    return {
        "TEST_CONNECTIONS": str(connections),
        "TEST_CONNECTIONS_OF_PEER": str(of_peer),
        "TEST_PLACES": str(places),
    }


def main() -> None:
    """Serve, on the port that the command line names."""
    settings = load_settings()
    prepare(settings)
    run(
        settings,
        host="127.0.0.1",
        port=int(sys.argv[-1]),
        connections=Connections(
            trusted_proxies=settings.trusted_proxies,
            in_all=int(os.environ["TEST_CONNECTIONS"]),
            of_peer=int(os.environ["TEST_CONNECTIONS_OF_PEER"]),
        ),
        places_max=int(os.environ["TEST_PLACES"]),
    )


if __name__ == "__main__":
    main()
