"""The connection to PostgreSQL is lost during a commit: a buyer's key never waits for itself."""

from pathlib import Path

import pytest

from app.adapters.database.postgres.database import PostgresDatabase
from app.domain.checkout.idempotency import read_idempotency_key
from app.domain.errors import CommitInDoubtError
from app.usecases.ports import AlertName
from tests.support.builders import SilentAlarm
from tests.support.commit_proxy import CommitProxy
from tests.support.faults.upstream import Upstream
from tests.support.postgres_server import fetch
from tests.support.processes import running_process
from tests.support.relay import proxy_before

KEY = read_idempotency_key("one click")


@pytest.mark.parametrize("they_arrive", [True, False], ids=["committed", "not committed"])
@pytest.mark.parametrize(
    ("keeps", "loses", "answers"),
    [
        pytest.param(0, 1, [200], id="the claim's"),
        pytest.param(0, 2, [503, 200], id="the claim's, twice"),
        pytest.param(1, 1, None, id="the checkout's"),
    ],
)
async def test_a_key_leads_to_its_page_at_once(  # noqa: PLR0913 one scene
    upstream: Upstream,
    tmp_path: Path,
    postgres_url: str,
    *,
    keeps: int,
    loses: int,
    answers: list[int] | None,
    they_arrive: bool,
) -> None:
    calls = upstream.calls
    async with (
        proxy_before(postgres_url, CommitProxy) as proxy,
        running_process(tmp_path, DATABASE_URL=proxy.url, ALTAN_PAY_URL=upstream.url) as process,
    ):
        client = process.service.client
        proxy.mark = KEY.digest.encode()
        proxy.they_arrive, proxy.to_keep, proxy.to_lose = they_arrive, keeps, loses
        statuses: list[int] = []
        while not statuses or statuses[-1] == 503:
            answer = await client.post(
                "/checkout",
                json={"line_items": [{"price": "price_ABC123", "quantity": 1}]},
                headers={"Accept": "application/json", "Idempotency-Key": "one click"},
            )
            statuses.append(answer.status_code)
        assert proxy.to_lose == 0

    # A checkout that was committed is found; one that was not needs another page.
    assert statuses == (answers or ([200] if they_arrive else [503, 200]))
    assert upstream.calls - calls == (1 if answers or they_arrive else 2)
    keys = await fetch(postgres_url, "SELECT state FROM idempotency_keys")
    assert keys == [{"state": "open"}]


async def test_a_commit_that_is_never_answered_is_looked_up_in_time(
    alarm: SilentAlarm, postgres_url: str
) -> None:
    async with proxy_before(postgres_url, CommitProxy) as proxy:
        database = PostgresDatabase(proxy.url, alarm)
        await database.write_heartbeat(1)
        proxy.it_hangs, proxy.to_lose = True, 1

        with pytest.raises(CommitInDoubtError) as lost:
            await database.write_heartbeat(2)
        await database.close()

    assert lost.value.reason == "lost during COMMIT: no answer in time"
    assert alarm.names == [AlertName.STORAGE_UNAVAILABLE]
    assert await fetch(postgres_url, "SELECT at_ms FROM heartbeat") == [{"at_ms": 2}]
