"""deploy/Caddyfile over real sockets: client addresses for replicas, and public paths."""

import http.client
import json
import os
import re
import shutil
import socket
import ssl
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.builders import DEADLINE_S, running_service, settings
from tests.support.caddy import CADDYFILE, adapted, balancing, echoing, running
from tests.support.docs.documents import OPERATE, blocks
from tests.support.ports import free_port

pytestmark = pytest.mark.skipif(
    shutil.which("caddy") is None and "CI" not in os.environ,
    reason="caddy is not here; CI installs it (Debian's package caddy)",
)
two_peers = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8, so that peers may differ"
)

BUYER = "198.51.100.7"
PROXY, STRANGER = "127.0.0.2", "127.0.0.3"

PUBLISHED = (
    "/checkout",
    "/checkout.js",
    "/checkout.d.ts",
    "/checkout/chk_1",
    "/checkout/chk_1/events",
    "/checkout/page",
    "/webhooks/stripe",
    "/webhooks/stripe/",
)
KEPT_INSIDE = (
    "/",
    "/metrics",
    "/docs",
    "/redoc",
    "/openapi.json",
    "/health",
    "/health/ready",
    "/health/live",
    "/checkout/../metrics",
    "/checkout/%2e%2e/metrics",
    "/webhooks/stripe/../../metrics",
    "//metrics",
    "/METRICS",
    "/checkouts",
    "/console",
    "/console/orders",
    "/webhooks/stripe/more",
)


@pytest.fixture(scope="module")
def replica() -> Iterator[int]:
    with echoing() as port:
        yield port


@pytest.fixture(scope="module")
def balancer(replica: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """As documented with a proxy in front: plain http, and nothing is set."""
    with balancing(tmp_path_factory.mktemp("caddy"), replica) as port:
        yield port


def ask(
    port: int, path: str, *, peer: str = "127.0.0.1", forwarded: str | None = None
) -> tuple[int, Any]:
    """One request from an address of this machine; the status, and what the replica got."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60, source_address=(peer, 0))
    return _answer(connection, path, forwarded)


def _answer(
    connection: http.client.HTTPConnection, path: str, forwarded: str | None
) -> tuple[int, Any]:
    try:
        connection.putrequest("GET", path)
        if forwarded is not None:
            connection.putheader("X-Forwarded-For", forwarded)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body) if body else None
    finally:
        connection.close()


def test_what_the_proxy_in_front_says_of_the_buyer_reaches_the_replica(balancer: int) -> None:
    status, got = ask(balancer, "/checkout", forwarded=BUYER)

    assert (status, got["forwarded"]) == (200, [f"{BUYER}, 127.0.0.1"])


@two_peers
def test_who_says_nothing_of_a_buyer_is_the_client(balancer: int) -> None:
    status, got = ask(balancer, "/checkout", peer=STRANGER)

    assert (status, got["forwarded"]) == (200, [STRANGER])


@two_peers
def test_only_the_named_proxy_is_believed_and_a_stranger_cannot_claim_an_address(
    replica: int, tmp_path: Path
) -> None:
    with balancing(tmp_path, replica, FRONT_PROXY=f"{PROXY}/32") as port:
        _, from_proxy = ask(port, "/checkout", peer=PROXY, forwarded=BUYER)
        _, from_stranger = ask(port, "/checkout", peer=STRANGER, forwarded=BUYER)

    assert from_proxy["forwarded"] == [f"{BUYER}, {PROXY}"]
    assert from_stranger["forwarded"] == [STRANGER]


def over_tls(folder: Path, replica: int, **environment: str) -> tuple[list[str], dict[str, Any]]:
    """Caddy's command and its configuration for https, away from this machine's own 80 and 443."""
    https = free_port()
    config = adapted(
        SITE_ADDRESS=f"https://localhost:{https}",
        REPLICA_NAME="127.0.0.1",
        REPLICA_PORT=str(replica),
        **environment,
    )
    config["apps"]["http"]["http_port"] = free_port()
    # A certificate of its own making, and nothing written to where this machine keeps its own.
    config["apps"]["pki"] = {"certificate_authorities": {"local": {"install_trust": False}}}
    (folder / "caddy.json").write_text(json.dumps(config))
    return ["caddy", "run", "--config", str(folder / "caddy.json")], {"https": https}


def ask_over_tls(port: int, *, peer: str, forwarded: str) -> Sequence[str]:
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    wait_for_certificate(port, trusting)
    connection = http.client.HTTPSConnection(
        "localhost", port, timeout=60, source_address=(peer, 0), context=trusting
    )
    status, got = _answer(connection, "/checkout", forwarded)
    assert status == http.client.OK
    forwarded_on: Sequence[str] = got["forwarded"]
    return forwarded_on


def wait_for_certificate(port: int, context: ssl.SSLContext) -> None:
    """Caddy listens before it has made its certificate, and until then it ends each handshake."""
    deadline_s = time.monotonic() + DEADLINE_S
    while True:
        try:
            with socket.create_connection(("localhost", port), timeout=DEADLINE_S) as plain:
                context.wrap_socket(plain, server_hostname="localhost").close()
        except ssl.SSLError:
            if time.monotonic() > deadline_s:
                raise
        else:
            return


@two_peers
@pytest.mark.parametrize(
    ("environment", "arrives"),
    [({}, [STRANGER]), ({"FRONT_PROXY": f"{STRANGER}/32"}, [f"{BUYER}, {STRANGER}"])],
    ids=["nobody in front", "a proxy in front"],
)
def test_with_tls_of_its_own_it_believes_the_named_proxy_alone(
    replica: int, tmp_path: Path, environment: dict[str, str], arrives: list[str]
) -> None:
    command, ports = over_tls(tmp_path, replica, **environment)

    with running(command, tmp_path, ports["https"]):
        got = ask_over_tls(ports["https"], peer=STRANGER, forwarded=BUYER)

    assert got == arrives


@pytest.mark.parametrize("path", PUBLISHED)
def test_what_buyers_and_stripe_need_is_published(balancer: int, path: str) -> None:
    status, got = ask(balancer, path)

    assert (status, got["path"]) == (200, path)


@pytest.mark.parametrize("path", KEPT_INSIDE)
def test_nothing_else_is_published(balancer: int, path: str) -> None:
    status, got = ask(balancer, path)

    assert (status, got) == (404, None)


def test_the_documentation_tells_other_proxies_to_publish_the_same_paths() -> None:
    (snippet,) = [block.text for block in blocks(OPERATE) if block.language == "caddyfile"]

    lists = [re.findall(r"@public path (.+)", text) for text in (snippet, CADDYFILE.read_text())]

    assert lists[0] == lists[1] != []


async def test_buyers_behind_the_proxy_have_a_limit_each(tmp_path: Path) -> None:
    limited = settings(tmp_path, rate_limit_checkout="1/hour", trusted_proxies="127.0.0.1")
    async with running_service(limited) as service:
        with balancing(tmp_path, service.address[1]) as balancer:
            async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
                statuses = [
                    (
                        await client.post(
                            f"http://127.0.0.1:{balancer}/checkout",
                            json={"line_items": [{"price": "price_A", "quantity": 1}]},
                            headers={"X-Forwarded-For": buyer},
                        )
                    ).status_code
                    for buyer in (BUYER, BUYER, "203.0.113.9")
                ]

    # Altan Pay is not there; the limit speaks before it is asked.
    assert [status == http.client.TOO_MANY_REQUESTS for status in statuses] == [False, True, False]
