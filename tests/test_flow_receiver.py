"""An Altan Flow as the receiver, as docs/altan.md sets it up.

A Flow's webhook checks one static header and no signature, and starts the Flow for each post that
has it. The server here follows that documentation; it is not Altan's.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import pytest

from app.settings.settings import Settings
from tests.support.builders import SESSION_ID, event, query, running_service, settings, until
from tests.support.durability.kit import SECRET
from tests.support.stripe_objects import review
from tests.support.wire import Connection, Request, Upstream, answer, upstream

HEADER, VALUE = "X-Flow-Key", "hunter2-of-the-flow"
HOOK: Final = "/galaxia/hook/CODE"


@dataclass
class Flow:
    """The webhook and docs/altan.md's steps: filter, look the id up, store it, deliver or ask."""

    server: Upstream | None = None
    table: set[str] = field(default_factory=set)
    fulfilled: list[str] = field(default_factory=list)
    for_a_person: list[str] = field(default_factory=list)
    executions: int = 0

    async def serve(self, connection: Connection) -> None:
        assert self.server
        request = self.server.requests[-1]
        is_known = request.headers.get(HEADER.lower()) == VALUE
        if is_known:
            self.execute(request)
        status = "200 OK" if is_known else "401 Unauthorized"
        await connection.send(answer(b'{"success": true}', status=status))

    def execute(self, request: Request) -> None:
        self.executions += 1
        message, id_ = json.loads(request.body), request.headers["webhook-id"]
        order = message["data"]
        if message["type"] != "order.paid" or id_ in self.table:
            return
        self.table.add(id_)
        (self.for_a_person if order["flags"] else self.fulfilled).append(order["id"])


async def test_a_flow_starts_by_its_header_and_fulfills_a_repeated_message_once(
    tmp_path: Path, database_path: Path
) -> None:
    flow = Flow()
    async with (
        upstream(flow.serve) as flow.server,
        httpx.AsyncClient(trust_env=False) as anybody,
        running_service(notifying(flow, tmp_path)) as service,
    ):
        forged = await anybody.post(hook(flow), json={"type": "order.paid", "data": {}})
        await service.deliver(event())
        await until(lambda: flow.executions == 1)
        resend_all(database_path)
        await until(lambda: flow.executions == 2)

    assert forged.status_code == 401
    assert flow.server.requests[1].line == f"POST {HOOK} HTTP/1.1"
    assert flow.fulfilled == [SESSION_ID]


@pytest.mark.usefixtures("database_path")
async def test_a_flow_gives_an_order_with_a_flag_to_a_person(tmp_path: Path) -> None:
    flow = Flow()
    async with (
        upstream(flow.serve) as flow.server,
        running_service(notifying(flow, tmp_path)) as service,
    ):
        await service.deliver(event("review.opened", review(), id="evt_review"))
        await service.deliver(event())
        await until(lambda: flow.executions == 2)

    assert (flow.for_a_person, flow.fulfilled) == ([SESSION_ID], [])


def hook(flow: Flow) -> str:
    assert flow.server
    return flow.server.url + HOOK


def notifying(flow: Flow, folder: Path) -> Settings:
    return settings(
        folder,
        notify_url=hook(flow),
        notify_secrets=[SECRET],
        notify_auth_header=f"{HEADER}: {VALUE}",
        notify_foreign=True,
    )


def resend_all(path: Path) -> None:
    """As `altan-checkout notifications resend` does with each."""
    query(
        path,
        "UPDATE notifications SET delivery = 'waiting', attempts = 0, due_at_ms = 0,"
        " leased_until_ms = NULL",
    )
