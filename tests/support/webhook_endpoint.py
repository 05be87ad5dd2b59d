"""The webhook endpoint, with a database that a test chooses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from app.adapters.stripe_signature import StripeSignatures
from app.adapters.system import SystemClock
from app.domain.stripe_events.event import EventFilter
from app.observability.metrics import Metrics
from app.observability.request_log import RequestLog
from app.observability.webhooks import WebhookReport
from app.usecases.inbox import Inbox
from app.usecases.record_events import RecordEvents
from app.usecases.storage import Database
from app.web.api.webhooks import WebhookEndpoint
from tests.support import problem_answers
from tests.support.builders import (
    ACCOUNT,
    DEADLINE_S,
    SECRET,
    Service,
    SilentAlarm,
    query,
    serving,
)

PATHS = ["/webhooks/stripe", "/webhooks/stripe/"]


def webhooks_over(database: Database, *, body_timeout_s: float = DEADLINE_S) -> ASGIApp:
    """Run only the webhook endpoint, with the test's database."""
    clock, metrics = SystemClock(), Metrics()
    endpoint = WebhookEndpoint(
        signatures=StripeSignatures([SECRET], tolerance_s=300, clock=clock),
        event_filter=EventFilter(ACCOUNT, livemode=None),
        inbox=Inbox(
            RecordEvents(
                database=database, clock=clock, alarm=SilentAlarm(), on_change=lambda _: None
            )
        ),
        problems=problem_answers.problems(),
        report=WebhookReport(metrics, SilentAlarm()),
        see=lambda _kind, _reason, _body: None,
        body_timeout_s=body_timeout_s,
    )
    return RequestLog(Starlette(routes=[Mount("/", endpoint)]), metrics)


@asynccontextmanager
async def serving_webhooks(app: ASGIApp, database_path: Path) -> AsyncIterator[Service]:
    async with serving(app) as client:
        yield Service(client, database_path)


def event_ids(service: Service) -> list[str]:
    return [row["id"] for row in query(service.database_path, "SELECT id FROM events ORDER BY id")]


def has_problem(answer: httpx.Response, status: int, code: str) -> bool:
    """Check that `answer` is a complete problem document with this code."""
    document = answer.json()
    return (
        answer.status_code == document["status"] == status
        and answer.headers["content-type"] == "application/problem+json"
        and document["code"] == code
        and document["type"] == f"urn:altan-checkout:error:{code}"
        and document["request_id"] == answer.headers["x-request-id"]
        and set(document) == {"type", "title", "status", "detail", "code", "request_id"}
    )


async def raw_exchange(service: Service, *parts: bytes) -> bytes:
    """Return the service's answer to these bytes, until it disconnects."""
    reader, writer = await asyncio.open_connection(*service.address)
    for part in parts:
        writer.write(part)
    try:
        return await asyncio.wait_for(reader.read(), DEADLINE_S)
    finally:
        writer.close()
        await writer.wait_closed()


def head(*headers: str) -> bytes:
    lines = ["POST /webhooks/stripe HTTP/1.1", "Host: service.test", *headers, "", ""]
    return "\r\n".join(lines).encode()


async def webhooks_counted(service: Service) -> dict[str, float]:
    text = (await service.client.get("/metrics")).text
    prefix = 'altan_checkout_webhooks_total{outcome="'
    counted = [line.removeprefix(prefix) for line in text.splitlines() if line.startswith(prefix)]
    return {name: float(value) for name, value in (line.split('"} ') for line in counted)}
