import gzip
from pathlib import Path

import orjson

from app.adapters.sentry import SentryChannel
from app.usecases.ports import AlertName
from tests.support.wire import Request, answer, closed_port, upstream

OK = answer(b"{}", "Content-Type: application/json")


def envelope(request: Request) -> list[dict[str, object]]:
    """Its lines: the envelope's own head, then a head and a body for each item."""
    body = request.body
    if request.headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    return [orjson.loads(line) for line in body.splitlines() if line]


async def test_an_alert_is_one_event_and_nothing_else_is_sent() -> None:
    async with upstream(OK) as server:
        channel = SentryChannel(f"http://key@127.0.0.1:{server.port}/1", release="1.2.3")
        channel(AlertName.PRICE_MISMATCH, "cs_1 differs")
        await channel.close()

        (request,) = server.requests
    assert request.line.startswith("POST /api/1/envelope/ ")
    _, head, event = envelope(request)
    assert head["type"] == "event"
    assert event["message"] == "price_mismatch: cs_1 differs"
    assert (event["level"], event["release"]) == ("error", "1.2.3")
    assert event["tags"] == {"alert": "price_mismatch"}
    assert event["fingerprint"] == ["price_mismatch"]
    for name in ("request", "user", "breadcrumbs", "exception", "modules", "extra", "threads"):
        assert not event.get(name)
    assert str(Path.cwd()) not in request.body.decode(errors="ignore")


async def test_a_sentry_that_is_not_there_hurts_nobody() -> None:
    channel = SentryChannel(f"http://key@127.0.0.1:{closed_port()}/1", release="1.2.3")

    channel(AlertName.PRICE_MISMATCH, "words")

    await channel.close()
