"""Local servers for tests: any app on a free port, and a simulated service."""

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.server import SandboxConfig, Waits, create_sandbox

DEADLINE_S = 60.0
CREATE_PATH = (
    "/v2/connect/checkout/00000000-0000-4000-8000-000000000000/create_checkout_session"
    "?stripe_connect_id=acct_sandbox"
)


@dataclass(frozen=True, slots=True)
class Received:
    """One request at the webhook."""

    body: bytes
    signature: str
    user_agent: str

    @property
    def type(self) -> str:
        return str(orjson.loads(self.body)["type"])


@dataclass(slots=True)
class Service:
    """Simulates the service: answers webhooks as scripted."""

    received: list[Received] = field(default_factory=list)
    answers: deque[int] = field(default_factory=deque)
    """Status codes of the next webhooks; 200 when it is empty."""
    answer_body: bytes = b"{}"
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """While it is clear, webhooks are received but not answered."""
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    url: str = ""

    @property
    def types(self) -> list[str]:
        return [received.type for received in self.received]

    async def wait_received(self, count: int) -> None:
        async with asyncio.timeout(DEADLINE_S), self.changed:
            await self.changed.wait_for(lambda: len(self.received) >= count)

    async def webhook(self, request: Request) -> Response:
        received = Received(
            body=await request.body(),
            signature=request.headers["stripe-signature"],
            user_agent=request.headers["user-agent"],
        )
        status_code = self.answers.popleft() if self.answers else 200
        async with self.changed:
            self.received.append(received)
            self.changed.notify_all()
        await self.gate.wait()
        if status_code == 307:
            return RedirectResponse("/webhooks/stripe")
        return Response(self.answer_body, status_code=status_code)

    def app(self) -> ASGIApp:
        return Starlette(routes=[Route("/webhooks/stripe", self.webhook, methods=["POST"])])


@asynccontextmanager
async def running_service() -> AsyncIterator[Service]:
    service = Service()
    service.gate.set()
    listener, service.url = listen()
    async with serving(service.app(), listener):
        yield service
        service.gate.set()


@asynccontextmanager
async def running_sandbox(
    config: SandboxConfig | None = None, waits: Waits | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of a sandbox in this process; the sandbox itself uses sockets."""
    config = config or SandboxConfig()
    app = create_sandbox(config, waits=waits)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url=config.public_url, timeout=DEADLINE_S
        ) as client,
    ):
        yield client


def sandbox_app(client: httpx.AsyncClient) -> ASGIApp:
    """The sandbox that the fixture's client speaks to."""
    transport = client._transport  # noqa: SLF001 told nowhere else
    assert isinstance(transport, httpx.ASGITransport)
    return transport.app


def config_for(service: Service, retry_delays_s: tuple[float, ...] = ()) -> SandboxConfig:
    return SandboxConfig(
        public_url="http://sandbox.test",
        checkout_url=service.url,
        webhook_url=f"{service.url}/webhooks/stripe",
        retry_delays_s=retry_delays_s,
    )


def listen() -> tuple[socket.socket, str]:
    """Return a socket on a free port, and its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


@asynccontextmanager
async def serving(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Serve like uvicorn, without its signal handlers and its loop of 0.1 s ticks."""
    config = uvicorn.Config(app, log_level="critical", ws="none", lifespan="on")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    try:
        yield
    finally:
        await server.shutdown(sockets=[listener])


def order_body(
    *lines: tuple[str, int],
    mode: str = "payment",
    success_url: str = "https://shop.test/thanks?session_id={CHECKOUT_SESSION_ID}",
    cancel_url: str = "https://shop.test/cart",
) -> dict[str, object]:
    """Return the documented body, by default for one mug."""
    return {
        "payload": {
            "success_url": success_url,
            "cancel_url": cancel_url,
            "line_items": [
                {"price": price, "quantity": quantity}
                for price, quantity in lines or (("price_sandbox_mug", 1),)
            ],
            "mode": mode,
        }
    }


async def open_session(sandbox: httpx.AsyncClient, body: dict[str, object] | None = None) -> str:
    """Start a session through Altan Pay's call; returns its id."""
    response = await sandbox.post(CREATE_PATH, json=body or order_body())
    assert response.status_code == 200, response.text
    url: str = response.json()["url"]
    return url.partition("#")[0].rpartition("/")[2]
