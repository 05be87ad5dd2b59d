"""GET /checkout/{id}/events over sockets: at once, and on each change, until the end."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.types import Message as AsgiMessage
from starlette.types import Scope

from app.adapters.database.sqlite.database import SqliteDatabase
from app.databases import AnyDatabase
from app.web.api.stream import COMMENT_EVERY_S, OPEN_MAX_S, StatusStreamEndpoint
from tests.support.builders import (
    CHECKOUT_ID,
    DEADLINE_S,
    SESSION_ID,
    Service,
    SilentAlarm,
    event,
    session,
    until,
)
from tests.support.recording import checkout, keep, record
from tests.support.status_service import StatusService, open_stream, status_service
from tests.support.stripe_objects import dispute, refund

UNPAID = event(id="evt_unpaid", subject=session(payment_status="unpaid"))
PAID = event("checkout.session.async_payment_succeeded", id="evt_paid")
EXPIRED = event("checkout.session.expired", session(payment_status="unpaid"), id="evt_expired")
FAILED = event("checkout.session.async_payment_failed", id="evt_failed")
REFUNDED = event("refund.created", refund(), id="evt_refunded")
DISPUTED = event("charge.dispute.created", dispute(), id="evt_disputed")


@pytest.fixture
async def open_checkout(database: AnyDatabase) -> AsyncIterator[StatusService]:
    """One checkout of which nothing has happened yet; its streams comment often."""
    await keep(database, checkout())
    async with status_service(database, comment_every_s=0.01) as service:
        yield service


# --- what is sent


async def test_the_headers_keep_proxies_from_holding_it_back(open_checkout: StatusService) -> None:
    async with open_checkout.stream() as stream:
        headers = stream.response.headers

    assert stream.response.status_code == 200
    assert headers["content-type"].partition(";")[0] == "text/event-stream"
    assert headers["cache-control"] == "no-store, no-transform"
    assert headers["x-accel-buffering"] == "no"
    assert "content-length" not in headers


@pytest.mark.parametrize("public_id", [CHECKOUT_ID, SESSION_ID])
async def test_the_state_is_sent_at_once_as_get_shows_it(
    open_checkout: StatusService, public_id: str
) -> None:
    shown = await open_checkout.get(public_id)

    async with open_checkout.stream(public_id) as stream:
        hint, status = await stream.next(), await stream.next()

    assert hint.retry_ms == 1000
    assert (status.name, status.id) == ("status", shown.headers["etag"].strip('"'))
    assert status.data == shown.text


async def test_each_change_is_sent(open_checkout: StatusService) -> None:
    async with open_checkout.stream() as stream:
        seen = [json.loads((await stream.next_status()).data or "")]
        for document in (UNPAID, PAID, REFUNDED, DISPUTED):
            await open_checkout.tell(document)
            message = await stream.next_status()
            seen.append(json.loads(message.data or ""))
            assert message.data == (await open_checkout.get()).text

    assert [each["status"] for each in seen] == [
        "open",
        "processing",
        "paid",
        "partially_refunded",
        "disputed",
    ]
    assert {tuple(each) for each in seen} == {tuple(seen[0])}


async def test_what_another_process_records_is_sent(
    open_checkout: StatusService, database_path: Path
) -> None:
    another = SqliteDatabase(database_path, SilentAlarm())
    async with open_checkout.stream() as stream:
        await stream.next_status()
        await record(another, PAID)
        message = await stream.next_status()
    await another.close()

    assert '"status":"paid"' in (message.data or "")


async def test_comments_keep_it_open_and_news_comes_between_them(
    open_checkout: StatusService,
) -> None:
    async with open_checkout.stream() as stream:
        await stream.next_status()
        comments = [await stream.next() for _ in range(3)]
        await open_checkout.tell(PAID)
        message = await stream.next_status()

    assert [each.comments for each in comments] == [["still here"]] * 3
    assert '"status":"paid"' in (message.data or "")
    assert COMMENT_EVERY_S == 15


async def test_nothing_personal_is_sent(service: Service) -> None:
    details = {"email": "buyer@example.com", "name": "A Buyer"}
    await service.deliver(event(subject=session(customer_details=details)))

    async with open_stream(service.client) as stream:
        message = await stream.next_status()

    assert "uyer" not in (message.data or "uyer")


# --- its end


@pytest.mark.parametrize("history", [[EXPIRED], [UNPAID, FAILED]])
async def test_it_ends_when_nothing_more_can_happen(
    open_checkout: StatusService, history: list[dict[str, object]]
) -> None:
    async with open_checkout.stream() as stream:
        for document in history:
            await stream.next_status()
            await open_checkout.tell(document)
        rest = await stream.rest()

    assert json.loads(rest[-2].data or "")["status"] in {"expired", "failed"}
    assert rest[-1].retry_ms == 1000
    await until(lambda: open_checkout.feed.followers == 0)


@pytest.mark.parametrize("document", [PAID, UNPAID])
async def test_it_continues_while_something_can_still_happen(
    open_checkout: StatusService, document: dict[str, object]
) -> None:
    await open_checkout.tell(document)

    async with open_checkout.stream() as stream:
        await stream.next_status()
        assert (await stream.next()).comments
        assert open_checkout.feed.followers == 1


async def test_of_what_has_come_to_its_end_the_end_alone_is_sent(
    open_checkout: StatusService,
) -> None:
    await open_checkout.tell(EXPIRED)

    async with open_checkout.stream() as stream:
        hint, status, last = await stream.rest()

    assert (hint.retry_ms, last.retry_ms) == (1000, 1000)
    assert '"status":"expired"' in (status.data or "")


async def test_who_has_seen_the_end_need_not_come_again(open_checkout: StatusService) -> None:
    await open_checkout.tell(EXPIRED)
    async with open_checkout.stream() as stream:
        seen = await stream.next_status()

    async with open_checkout.stream(**{"Last-Event-ID": seen.id or ""}) as stream:
        nothing = await stream.response.aread()

    assert (stream.response.status_code, nothing) == (204, b"")
    assert open_checkout.feed.followers == 0


async def test_who_has_seen_something_else_is_sent_what_is(open_checkout: StatusService) -> None:
    async with open_checkout.stream() as stream:
        seen = await stream.next_status()

    async with open_checkout.stream(**{"Last-Event-ID": seen.id or ""}) as stream:
        again = await stream.next_status()
    await open_checkout.tell(EXPIRED)
    async with open_checkout.stream(**{"Last-Event-ID": seen.id or ""}) as stream:
        end = await stream.next_status()

    assert again == seen
    assert '"status":"expired"' in (end.data or "")


async def test_after_its_time_it_ends_with_a_hint_to_come_again(database: AnyDatabase) -> None:
    await keep(database, checkout())
    async with (
        status_service(database, comment_every_s=0.005, open_max_s=0.02) as service,
        service.stream() as stream,
    ):
        rest = await stream.rest()

    assert rest[-1].retry_ms == 1000
    assert OPEN_MAX_S == 3600


async def test_when_the_process_ends_it_ends_with_a_hint_to_come_again(
    database: AnyDatabase,
) -> None:
    await keep(database, checkout())
    async with status_service(database) as service, service.stream() as stream:
        await stream.next_status()
        service.feed.close()
        rest = await stream.rest()
        async with service.stream() as late:
            last = await late.rest()

    assert [message.retry_ms for message in rest] == [1000]
    assert [bool(message.data) for message in last] == [False, True, False]


# --- what is refused


async def test_what_nobody_knows_is_not_found(open_checkout: StatusService) -> None:
    async with open_checkout.stream("cs_test_nowhere") as stream:
        document = json.loads(await stream.response.aread())

    assert stream.response.headers["content-type"] == "application/problem+json"
    assert (document["status"], document["code"]) == (404, "not_found")
    assert open_checkout.feed.followers == 0


async def test_a_stream_cannot_be_posted(service: Service) -> None:
    answer = await service.client.post(f"/checkout/{SESSION_ID}/events")

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


# --- places


async def test_who_leaves_frees_the_place_at_once(open_checkout: StatusService) -> None:
    async with open_checkout.stream() as stream:
        await stream.next_status()
        assert open_checkout.feed.followers == 1

    await until(lambda: open_checkout.feed.followers == 0)


async def test_who_leaves_a_silent_stream_frees_the_place_too(database: AnyDatabase) -> None:
    await keep(database, checkout())
    async with status_service(database) as service:
        async with service.stream() as stream:
            await stream.next_status()
        await until(lambda: service.feed.followers == 0)


async def test_who_left_before_the_first_byte_frees_the_place(
    open_checkout: StatusService,
) -> None:
    sent: list[AsgiMessage] = []

    async def receive() -> AsgiMessage:
        return {"type": "http.disconnect"}

    async def send(message: AsgiMessage) -> None:
        await asyncio.sleep(DEADLINE_S)
        sent.append(message)

    scope: Scope = {"type": "http", "headers": [], "path_params": {"id": SESSION_ID}}
    answer = await StatusStreamEndpoint(feed=open_checkout.feed).answer(Request(scope, receive))
    before = open_checkout.feed.followers

    await answer(scope, receive, send)

    assert (before, open_checkout.feed.followers, sent) == (1, 0, [])
