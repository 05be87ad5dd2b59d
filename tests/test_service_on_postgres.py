"""The service as a process on PostgreSQL: from the webhook to the buyer's page, and an outage."""

import asyncio
import json
from pathlib import Path

from tests.commands.test_cli import GOOD, run
from tests.support.builders import SESSION_ID, event
from tests.support.postgres_server import FAST, fetch, new_server
from tests.support.processes import running_process


async def test_what_a_webhook_says_is_what_the_buyer_reads(
    tmp_path: Path, postgres_url: str
) -> None:
    async with running_process(tmp_path, DATABASE_URL=postgres_url) as process:
        service = process.service
        first, second = [(await service.deliver(event())).json()["outcome"] for _ in range(2)]
        payment = (await service.client.get(f"/checkout/{SESSION_ID}")).json()
        ready = await service.client.get("/health/ready")

    assert (first, second) == ("recorded", "duplicate")
    assert payment["status"] == "paid"
    assert ready.status_code == 200
    assert not (tmp_path / "checkout.db").exists()
    assert await fetch(postgres_url, "SELECT count(*) AS rows FROM events") == [{"rows": 1}]


async def test_an_outage_is_a_503_an_alert_without_the_password_and_then_over(
    tmp_path: Path,
) -> None:
    with new_server(FAST) as server:
        url = server.url().replace("postgres@", "postgres:hunter2@")
        migrated = await asyncio.to_thread(run, tmp_path, "migrate", **GOOD, DATABASE_URL=url)
        async with running_process(tmp_path, DATABASE_URL=url, LOG_LEVEL="debug") as process:
            service = process.service
            await asyncio.to_thread(server.stop)
            refused = await service.deliver(event())
            not_ready = await service.client.get("/health/ready")
            await asyncio.to_thread(server.start)
            recorded = await service.deliver(event())

    assert "hunter2" not in migrated.stdout
    assert refused.status_code == 503
    assert refused.json()["code"] == "storage_unavailable"
    assert "Retry-After" in refused.headers
    assert not_ready.status_code == 503
    assert recorded.json()["outcome"] == "recorded"
    alerts = [line for line in map(json.loads, process.lines) if line.get("event") == "alert"]
    assert [alert["alert"] for alert in alerts] == ["storage_unavailable"]
    assert "hunter2" not in "".join(process.lines)
