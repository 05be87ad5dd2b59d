"""A sender that is killed again and again loses no notification, and keeps each order's order."""

import asyncio
import base64
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from standardwebhooks.webhooks import Webhook

from app.usecases.send_notifications import LEASE_MS
from tests.support.builders import Service, SilentAlarm, event, query, session, until
from tests.support.durability.sending import deliver_all
from tests.support.outbox import POSTED, new_notification, notify
from tests.support.processes import running_process
from tests.support.rows import open_database
from tests.support.sizes import KILLS, chance_of, new_seed
from tests.support.wire import Upstream, answer, upstream

SECRET: Final = f"whsec_{base64.b64encode(b'k' * 32).decode()}"
ORDERS: Final = 30
OF_AN_ORDER: Final = 4
ROUNDS: Final = min(KILLS, 50)
TAKEN: Final = "SELECT count(*) AS count FROM notifications WHERE delivery = 'taken'"


def session_of(order: int) -> str:
    return f"cs_test_{order:03}"


async def sell(service: Service, first: int) -> None:
    """So many orders that are paid."""
    await deliver_all(
        [
            event(
                id=f"evt_{order}",
                subject=session(id=session_of(order), payment_intent=f"pi_{order}"),
            )
            for order in range(first, first + ORDERS)
        ],
        service,
    )


async def tell(path: Path, first: int) -> list[str]:
    """Commit some notifications of each of them; their ids."""
    new = [
        new_notification(
            order * OF_AN_ORDER + number,
            session_id=session_of(order),
            order_id=session_of(order),
            cause=str(number),
        )
        for number in range(OF_AN_ORDER)
        for order in range(first, first + ORDERS)
    ]
    database = open_database(path, SilentAlarm())
    database.posting = POSTED
    await notify(database, *new)
    await database.close()
    return [each.id for each in new]


def let_leases_end(path: Path) -> None:
    """What a dead sender had waits for its lease; here its time has passed."""
    query(
        path,
        "UPDATE notifications SET due_at_ms = due_at_ms - ?, leased_until_ms = leased_until_ms - ?"
        " WHERE leased_until_ms IS NOT NULL",
        LEASE_MS,
        LEASE_MS,
    )


def told_in_order(receiver: Upstream) -> dict[str, list[int]]:
    """Each order's causes as they first came; every message must be verifiable."""
    met, causes = set[str](), defaultdict[str, list[int]](list)
    for request in receiver.requests:
        body = Webhook(SECRET).verify(request.body, request.headers)
        id_ = request.headers["webhook-id"]
        if id_ not in met:
            met.add(id_)
            causes[body["data"]["id"]].append(int(id_.removeprefix("msg_")) % OF_AN_ORDER)
    return causes


@pytest.mark.parametrize("database_kind", ["sqlite", "postgres"])
async def test_no_kill_of_the_sender_loses_a_notification_or_an_orders_order(
    tmp_path: Path, database_path: Path, figures: list[str]
) -> None:
    seed = new_seed()
    print(f"PROOF_SEED={seed}")  # noqa: T201 pytest shows it where the test fails
    told: list[str] = []
    async with upstream(answer(b"")) as receiver:
        environment = await asyncio.to_thread(environment_of, database_path, receiver)
        for round_ in range(ROUNDS + 1):
            chance = chance_of(seed, "kill of the sender", round_)
            async with running_process(tmp_path, **environment) as process:
                await sell(process.service, round_ * ORDERS)
                before = len(receiver.requests)
                told += await tell(database_path, round_ * ORDERS)
                if round_ < ROUNDS:
                    await receiver.wait_for_requests(before + chance.randint(1, ORDERS))
                    process.process.kill()
                    await process.process.wait()
                    await asyncio.to_thread(let_leases_end, database_path)
                else:
                    await until(partial(all_taken, database_path, len(told)))
        causes = told_in_order(receiver)

    sent = [request.headers["webhook-id"] for request in receiver.requests]
    assert set(sent) == set(told)
    assert causes == {
        session_of(order): list(range(OF_AN_ORDER)) for order in range((ROUNDS + 1) * ORDERS)
    }
    figures.append(
        f"sender: {ROUNDS} kills, {len(told):,} notifications, 0 lost, "
        f"{len(sent) - len(told):,} sent twice (PROOF_SEED={seed})"
    )


def environment_of(database_path: Path, receiver: Upstream) -> dict[str, str]:
    is_postgres = database_path.suffix == ".url"
    return {
        "NOTIFY_URL": receiver.url,
        "NOTIFY_SECRETS": SECRET,
    } | ({"DATABASE_URL": database_path.read_text()} if is_postgres else {})


def all_taken(path: Path, count: int) -> bool:
    (row,) = query(path, TAKEN)
    return bool(row["count"] == count)
