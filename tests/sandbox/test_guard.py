"""Who may call the sandbox: over real sockets, with requests of browsers and programs."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import orjson
import pytest
from ruamel.yaml import YAML

from sandbox.guard import COMPOSE_NAMES
from sandbox.server import SandboxConfig, create_sandbox
from tests.support.builders import ROOT
from tests.support.sandbox.local_servers import CREATE_PATH, DEADLINE_S, listen, order_body, serving

PUBLIC = "https://pay.shop.test"
EVIL = "http://evil.test"


@pytest.fixture
async def port() -> AsyncIterator[int]:
    listener, url = listen()
    async with serving(create_sandbox(SandboxConfig(public_url=f"{PUBLIC}/base")), listener):
        yield urlsplit(url).port or 0


async def ask(port: int, line: str, *headers: str, body: bytes = b"") -> tuple[int, str]:
    """The status and the body of an answer."""
    head = [f"{line} HTTP/1.1", *headers, f"Content-Length: {len(body)}", "Connection: close"]
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write("\r\n".join([*head, "", ""]).encode() + body)
        answer = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
    return int(answer.split(" ", 2)[1]), answer.partition("\r\n\r\n")[2]


async def new_session(port: int) -> str:
    headers = (f"Host: localhost:{port}", "Content-Type: application/json")
    status, text = await ask(port, f"POST {CREATE_PATH}", *headers, body=orjson.dumps(order_body()))
    assert status == 200, text
    url: str = orjson.loads(text)["url"]
    return url.partition("#")[0].rpartition("/")[2]


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost:{port}",
        "127.0.0.1:{port}",
        "127.8.8.8",
        "[::1]:{port}",
        "pay.shop.test",
        "checkout:9000",
        "sandbox:9000",
    ],
)
async def test_it_answers_at_this_machines_names_at_its_own_and_at_the_containers(
    port: int, host: str
) -> None:
    status, _ = await ask(port, "GET /", f"Host: {host.format(port=port)}")

    assert status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "evil.test:9000",
        "localhost.evil.test",
        "127.0.0.1.evil.test",
        "evil.test#localhost",
        "localhost@evil.test",
        "192.168.1.5:9000",
        "[::2]",
        "shop.test",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/", "/sandbox/sessions", "/static/shop.js", "/nowhere"])
async def test_it_answers_at_no_other_name(port: int, host: str, path: str) -> None:
    status, text = await ask(port, f"GET {path}", f"Host: {host}")

    assert status == 403
    assert "--public-url" in text
    assert text.startswith("{") is path.startswith("/sandbox/")


@pytest.mark.parametrize("hosts", [(), ("Host: localhost", "Host: evil.test")])
async def test_a_request_has_exactly_one_host(port: int, hosts: tuple[str, ...]) -> None:
    status, _ = await ask(port, "GET /", *hosts)

    assert status == 400


PRESSES = ("/sandbox/sessions/{id}/pay", "/c/pay/{id}/pay", "/sandbox/deliveries/evt_1/resend")


@pytest.mark.parametrize("origin", [EVIL, "null", "", "http://localhost:5173", f"{PUBLIC}:8443"])
@pytest.mark.parametrize("path", [*PRESSES, CREATE_PATH])
async def test_another_sites_page_can_press_nothing(port: int, path: str, origin: str) -> None:
    session_id = await new_session(port)
    host = f"Host: localhost:{port}"

    status, text = await ask(port, f"POST {path.format(id=session_id)}", host, f"Origin: {origin}")

    assert status == 403
    assert "another site" in text
    _, told = await ask(port, f"GET /sandbox/sessions/{session_id}", host)
    assert orjson.loads(told)["status"] == "open"
    _, told = await ask(port, "GET /sandbox/sessions", host)
    assert len(orjson.loads(told)["sessions"]) == 1


@pytest.mark.parametrize("path", PRESSES[:2])
@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:{port}", None),
        ("localhost:{port}", "http://localhost:{port}"),
        ("127.0.0.1:{port}", "http://127.0.0.1:{port}"),
        ("[::1]:{port}", "http://[::1]:{port}"),
        ("pay.shop.test", PUBLIC),
        ("127.0.0.1:{port}", PUBLIC),  # behind a proxy that names its upstream
    ],
)
async def test_programs_and_its_own_pages_can(
    port: int, path: str, host: str, origin: str | None
) -> None:
    session_id = await new_session(port)
    headers = [f"Host: {host}", *([f"Origin: {origin}"] if origin else ())]

    status, text = await ask(
        port,
        f"POST {path.format(id=session_id)}",
        *(header.format(port=port) for header in headers),
        body=orjson.dumps({"withhold": True}) if path.startswith("/sandbox/") else b"withhold=yes",
    )

    assert status in {200, 303}, text
    _, told = await ask(port, f"GET /sandbox/sessions/{session_id}", "Host: localhost")
    assert orjson.loads(told)["status"] == "complete"


async def test_two_origins_are_not_better_than_the_worse(port: int) -> None:
    own = f"http://localhost:{port}"

    status, _ = await ask(
        port, "POST /c/pay/x/pay", f"Host: localhost:{port}", f"Origin: {own}", f"Origin: {EVIL}"
    )

    assert status == 403


def test_the_containers_names_are_those_of_the_compose_file() -> None:
    services = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())["services"]
    network = services["sandbox"]["network_mode"].removeprefix("service:")

    assert {"sandbox", network} == COMPOSE_NAMES
