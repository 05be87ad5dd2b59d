"""Builders for tests: events, sessions, signatures, settings, and the service on a socket.

Everything has a good default, so a test sets only what matters to it. Signing here shares no code
with the service or with Stripe's SDK, so that the same mistake cannot hide in both.
"""

import asyncio
import hashlib
import hmac
import itertools
import json
import re
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import uvicorn
from starlette.types import ASGIApp, Message

from app.bootstrap import create_app
from app.domain.checkout.cart import Cart, CheckoutRequest
from app.serving import make_config
from app.settings.database_url import is_postgres
from app.settings.settings import Settings
from app.usecases.event_book import EventDatabase
from app.usecases.housekeeping import Housekeeping
from app.usecases.ports import AlertName
from app.usecases.replay_events import ReplayEvents
from app.web.http.connections import Connections
from tests.support.authorities import NO_TLS
from tests.support.migrated import copy_migrated
from tests.support.postgres_server import fetch, run_apart

ROOT: Final = Path(__file__).parents[2]
SECRET: Final = "whsec_the_secret_of_these_tests"
ACCOUNT: Final = "acct_shop"
CHECKOUT_ID: Final = "chk_" + "0123456789abcdefghijklmnopqrstuv0123"
SESSION_ID: Final = "cs_test_a1"
NOW_S: Final = 1_760_000_000
DEADLINE_S: Final = 60.0  # for what happens at once; reaching it fails the test


Document = dict[str, Any]


@dataclass(slots=True)
class FixedClock:
    """A clock that a test moves."""

    ms: int = NOW_S * 1000

    def now_ms(self) -> int:
        return self.ms


@dataclass(slots=True)
class SilentAlarm:
    """An alarm that only records its calls."""

    told: list[tuple[AlertName, str]] = field(default_factory=list)
    ended: list[AlertName] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)  # of both

    def __call__(
        self, name: AlertName, message: str, *, subject: str = "", is_over: bool = False
    ) -> None:
        assert message
        self.subjects.append(subject)
        if is_over:
            self.ended.append(name)
        else:
            self.told.append((name, message))

    def over(self, name: AlertName, message: str, *, subject: str = "") -> None:
        self(name, message, subject=subject, is_over=True)

    @property
    def names(self) -> list[AlertName]:
        return [name for name, _ in self.told]


class NoLimits:
    """Limits that allow any number of checkouts."""

    async def check_cart(self, client: str | None, prices: Collection[str]) -> None:
        assert client != ""
        assert prices


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; fail the test if that takes too long."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 nothing there could set an event
            await asyncio.sleep(0.005)


def housekeeping(database: EventDatabase, clock: FixedClock, **changes: Any) -> Housekeeping:  # noqa: ANN401 any field
    """Return housekeeping without alerts."""
    replay = ReplayEvents(
        database=database, clock=clock, alarm=SilentAlarm(), on_change=lambda _: None
    )
    values: dict[str, Any] = {"replay": replay, "retention_days": 400}
    return Housekeeping(database=database, clock=clock, **(values | changes))


def checkout_request(cart: Cart, **changes: Any) -> CheckoutRequest:  # noqa: ANN401 any field
    """Return a request whose body has the line items in the cart's order."""
    values: dict[str, Any] = {"positions": tuple(range(len(cart.line_items)))}
    return CheckoutRequest(cart=cart, **(values | changes))


def session(**changes: object) -> Document:
    """Return a Checkout Session, as in `data.object`."""
    return {
        "id": SESSION_ID,
        "object": "checkout.session",
        "mode": "payment",
        "payment_status": "paid",
        "status": "complete",
        "amount_total": 1999,
        "currency": "eur",
        "payment_intent": "pi_1",
        "subscription": None,
        "invoice": None,
        "success_url": f"https://shop.example/?session_id={SESSION_ID}&checkout_id={CHECKOUT_ID}",
    } | changes


def event(
    type_: str = "checkout.session.completed",
    subject: Mapping[str, object] | None = None,
    **changes: object,
) -> Document:
    """Return a v1 event, by default of a paid session."""
    return {
        "id": "evt_1",
        "object": "event",
        "api_version": "2025-03-31.basil",
        "created": NOW_S,
        "livemode": False,
        "type": type_,
        "data": {"object": session() if subject is None else dict(subject)},
    } | changes


def thin_event(**changes: object) -> Document:
    """Return a v2 event, which only names its object."""
    return {
        "id": "evt_test_thin",
        "object": "v2.core.event",
        "type": "v1.billing.meter.error_report_triggered",
        "created": "2025-10-09T08:53:20.000Z",
        "livemode": False,
        "context": ACCOUNT,
        "related_object": {"id": "mtr_1", "type": "billing.meter", "url": "/v1/billing/meters/1"},
    } | changes


def to_body(document: object) -> bytes:
    return json.dumps(document).encode()


def sign(body: bytes, *, secret: str = SECRET, at_s: int | None = None) -> str:
    """Return a Stripe-Signature header's value; the default time is now."""
    signed_at_s = int(time.time()) if at_s is None else at_s
    mac = hmac.new(secret.encode(), str(signed_at_s).encode() + b"." + body, hashlib.sha256)
    return f"t={signed_at_s},v1={mac.hexdigest()}"


def settings(folder: Path, **changes: object) -> Settings:
    """Return settings with everything in `folder`; nothing listens at Altan Pay's URL."""
    values: dict[str, Any] = {
        "_env_file": None,
        "altan_account_id": "00000000-0000-4000-8000-000000000000",
        "altan_stripe_connect_id": ACCOUNT,
        "altan_pay_url": "http://127.0.0.1:9",
        "stripe_webhook_secrets": [SECRET],
        "app_url": "https://shop.example",
        "database_url": f"sqlite:///{folder / 'checkout.db'}",
    }
    return Settings(**(values | changes))


@asynccontextmanager
async def serving(
    app: ASGIApp, connections: Connections | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """Serve `app` like the real service; yield a client for it."""
    # Named as TCP, so that asyncio turns off Nagle's algorithm, which costs 40 ms an answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)  # clients that connect before the server is up wait here
    config = make_config(app, host="127.0.0.1", port=0, connections=connections)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    await server.on_tick(0)  # sets the Date header of every answer
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        async with httpx.AsyncClient(
            base_url=url, trust_env=False, timeout=DEADLINE_S, verify=NO_TLS
        ) as client:
            yield client
    finally:
        await _stop(server)


async def _stop(server: uvicorn.Server) -> None:
    """Shut down like uvicorn, without its sleeps of 0.1 s, which dominated many tests."""
    for listening in server.servers:
        listening.close()
    for connection in list(server.server_state.connections):
        connection.shutdown()
    await until(lambda: not (server.server_state.connections or server.server_state.tasks))
    await server.lifespan.shutdown()


@dataclass(frozen=True, slots=True)
class Service:
    """The service on a socket, and its database file."""

    client: httpx.AsyncClient
    database_path: Path

    @property
    def address(self) -> tuple[str, int]:
        return self.client.base_url.host, self.client.base_url.port or 0

    async def deliver(
        self, document: object, *, path: str = "/webhooks/stripe", secret: str = SECRET
    ) -> httpx.Response:
        """Send an event like Stripe; `document` is sent as JSON, or unchanged if it is bytes."""
        body = document if isinstance(document, bytes) else to_body(document)
        headers = {"Stripe-Signature": sign(body, secret=secret)}
        return await self.client.post(path, content=body, headers=headers)


@asynccontextmanager
async def running_service(service_settings: Settings) -> AsyncIterator[Service]:
    """Run the whole service with these settings, without changing pytest's logging.

    A PostgreSQL database must already have the current schema.
    """
    if not is_postgres(service_settings.database_url.get_secret_value()):
        copy_migrated(service_settings.database_path)
    connections = Connections(trusted_proxies=service_settings.trusted_proxies)
    async with serving(create_app(service_settings, connections), connections) as client:
        yield Service(client, service_settings.database_path)


@asynccontextmanager
async def service_in_process(service_settings: Settings) -> AsyncIterator[Service]:
    """Run the whole service without a socket, which starts and stops ten times as fast."""
    copy_migrated(service_settings.database_path)
    app = create_app(service_settings)
    async with _lifespan(app), in_process(app) as client:
        yield Service(client, service_settings.database_path)


@asynccontextmanager
async def _lifespan(app: ASGIApp) -> AsyncIterator[None]:
    to_app: asyncio.Queue[Message] = asyncio.Queue()
    from_app: asyncio.Queue[Message] = asyncio.Queue()

    async def live() -> None:
        await app({"type": "lifespan", "state": {}}, to_app.get, from_app.put)

    task = asyncio.create_task(live())
    await to_app.put({"type": "lifespan.startup"})
    assert (await from_app.get())["type"] == "lifespan.startup.complete"
    yield
    await to_app.put({"type": "lifespan.shutdown"})
    assert (await from_app.get())["type"] == "lifespan.shutdown.complete"
    await task


def in_process(app: ASGIApp) -> httpx.AsyncClient:
    """Return a client that calls `app` without a socket."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service.test")


def query(database_path: Path, sql: str, *parameters: object) -> list[Document]:
    """Return committed rows, read through a separate connection; see `database_path`."""
    if database_path.suffix == ".url":
        numbers = itertools.count(1)
        sql = re.sub(r"\?", lambda _: f"${next(numbers)}", sql)
        return run_apart(fetch(database_path.read_text(), sql, *parameters))
    with closing(sqlite3.connect(database_path)) as connection:
        connection.row_factory = sqlite3.Row
        with connection:
            return [dict(row) for row in connection.execute(sql, parameters)]
