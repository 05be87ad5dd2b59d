"""GET /checkout/{id}?wait=…: the answer comes with a change, or when the time is over."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from app.adapters.database.sqlite.database import SqliteDatabase
from app.databases import AnyDatabase
from app.web.api.status import WAIT_MAX_S
from tests.support.builders import (
    CHECKOUT_ID,
    SESSION_ID,
    Service,
    SilentAlarm,
    event,
    session,
    until,
)
from tests.support.recording import checkout, keep, record
from tests.support.status_service import StatusService, status_service
from tests.support.stripe_objects import refund

EXPIRED = event("checkout.session.expired", session(payment_status="unpaid"))
REFUNDED = event("refund.created", refund(), id="evt_refunded")
BRIEF_S = 0.05


@pytest.fixture
async def held(database: AnyDatabase) -> AsyncIterator[StatusService]:
    """One checkout of which nothing has happened yet."""
    await keep(database, checkout())
    async with status_service(database) as service:
        yield service


def problem_of(answer: httpx.Response) -> tuple[int, str, str]:
    document = answer.json()
    assert document["status"] == answer.status_code
    return answer.status_code, document["code"], answer.headers["content-type"]


# --- held


async def test_the_answer_is_held_until_something_changes(held: StatusService) -> None:
    async with held.waiting() as waiting:
        assert not waiting.done()
        await held.tell(event())
        answer = await waiting

    assert (answer.status_code, answer.json()["status"]) == (200, "paid")
    assert answer.headers["etag"] == (await held.get()).headers["etag"]
    assert answer.headers["cache-control"] == "no-cache"


async def test_who_knows_the_state_waits_for_another(held: StatusService) -> None:
    known = (await held.get()).headers["etag"]

    async with held.waiting(**{"If-None-Match": known}) as waiting:
        await held.tell(event())
        answer = await waiting

    assert (answer.status_code, answer.json()["status"]) == (200, "paid")


async def test_what_another_process_records_ends_the_waiting(
    held: StatusService, database_path: Path
) -> None:
    another = SqliteDatabase(database_path, SilentAlarm())

    async with held.waiting() as waiting:
        await record(another, event())
        answer = await waiting
    await another.close()

    assert answer.json()["status"] == "paid"


async def test_many_wait_and_all_are_answered(held: StatusService) -> None:
    async with AsyncExitStack() as stack:
        waiting = [await stack.enter_async_context(held.waiting()) for _ in range(20)]
        await held.tell(event())
        answers = await asyncio.gather(*waiting)

    assert {answer.json()["status"] for answer in answers} == {"paid"}
    assert held.feed.followers == 0


@pytest.mark.parametrize("public_id", [CHECKOUT_ID, SESSION_ID])
async def test_at_the_end_of_the_time_the_answer_is_what_is(
    held: StatusService, public_id: str
) -> None:
    began_s = time.monotonic()

    answer = await held.wait(BRIEF_S, public_id=public_id)

    assert time.monotonic() - began_s >= BRIEF_S
    assert (answer.status_code, answer.json()["status"]) == (200, "open")
    assert held.feed.followers == 0


async def test_at_the_end_of_the_time_what_is_known_is_not_sent_again(
    held: StatusService,
) -> None:
    known = (await held.get()).headers["etag"]
    began_s = time.monotonic()

    answer = await held.wait(BRIEF_S, **{"If-None-Match": f'W/{known}, "other"'})

    assert time.monotonic() - began_s >= BRIEF_S
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == known


async def test_nobody_is_held_longer_than_proxies_bear(database: AnyDatabase) -> None:
    await keep(database, checkout())
    async with status_service(database, wait_max_s=BRIEF_S) as service:
        answer = await service.wait(999_999_999)

    assert answer.status_code == 200
    assert WAIT_MAX_S == 60


# --- at once


async def test_who_is_behind_is_answered_at_once(held: StatusService) -> None:
    behind = (await held.get()).headers["etag"]
    await held.tell(event())

    answer = await held.wait(**{"If-None-Match": behind})

    assert (answer.status_code, answer.json()["status"]) == (200, "paid")


@pytest.mark.parametrize("is_known", [False, True])
async def test_when_nothing_more_can_happen_the_answer_comes_at_once(
    held: StatusService, *, is_known: bool
) -> None:
    await held.tell(EXPIRED)
    etag = (await held.get()).headers["etag"]

    answer = await held.wait(**({"If-None-Match": etag} if is_known else {}))

    assert answer.status_code == (304 if is_known else 200)
    assert answer.headers["etag"] == etag


@pytest.mark.parametrize("wait", ["0", "0.0", "000"])
async def test_who_would_not_wait_does_not(held: StatusService, wait: str) -> None:
    answer = await held.wait(wait)

    assert (answer.status_code, answer.json()["status"]) == (200, "open")


@pytest.mark.parametrize(
    "wait", ["abc", "", " ", "-1", "+1", "1e3", "nan", "inf", "1.", ".5", "1,5", "٣", "1 ", "1\n"]
)
async def test_what_is_no_number_of_seconds_is_refused(held: StatusService, wait: str) -> None:
    answer = await held.wait(wait)

    assert problem_of(answer) == (422, "invalid_wait", "application/problem+json")
    assert held.feed.followers == 0


async def test_what_nobody_knows_is_not_found(held: StatusService) -> None:
    answer = await held.wait(public_id="cs_test_nowhere")

    assert problem_of(answer) == (404, "not_found", "application/problem+json")
    assert held.feed.followers == 0


# --- places


async def test_who_leaves_frees_the_place(held: StatusService) -> None:
    async with held.waiting() as waiting:
        waiting.cancel()
        await until(lambda: held.feed.followers == 0)


async def test_when_the_process_ends_everybody_is_answered(held: StatusService) -> None:
    async with held.waiting() as waiting:
        held.feed.close()
        answer = await waiting

    assert (answer.status_code, answer.json()["status"]) == (200, "open")
    assert (await held.wait()).status_code == 200


# --- the whole service


async def test_the_webhooks_answer_is_the_buyers_news(service: Service) -> None:
    await service.deliver(event(subject=session(payment_status="unpaid")))
    path = f"/checkout/{SESSION_ID}"
    known = (await service.client.get(path)).headers["etag"]

    waiting = asyncio.create_task(
        service.client.get(path, params={"wait": 60}, headers={"If-None-Match": known})
    )
    await service.deliver(event("checkout.session.async_payment_succeeded", id="evt_2"))

    assert (await waiting).json()["status"] == "paid"


async def test_waiting_works_without_a_socket_too(local_service: Service) -> None:
    await local_service.deliver(event())

    answer = await local_service.client.get(f"/checkout/{SESSION_ID}", params={"wait": BRIEF_S})

    assert answer.json()["status"] == "paid"


async def test_a_page_of_the_shop_may_read_a_refusal(service: Service) -> None:
    answer = await service.client.get(
        f"/checkout/{SESSION_ID}",
        params={"wait": "soon"},
        headers={"Origin": "https://shop.example"},
    )

    assert problem_of(answer)[:2] == (422, "invalid_wait")
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
