"""Events that are recorded, and events that are not for this service."""

import asyncio
import json
import random
from pathlib import Path

import httpx
import pytest

from app.domain.stripe_events import endpoint
from app.web.api import webhooks
from tests.support.builders import (
    ACCOUNT,
    SECRET,
    Document,
    Service,
    event,
    query,
    service_in_process,
    session,
    settings,
    thin_event,
    to_body,
)
from tests.support.real_events import real_events
from tests.support.webhook_endpoint import PATHS, event_ids


@pytest.mark.parametrize("path", PATHS)
async def test_an_event_is_recorded_without_a_redirect(service: Service, path: str) -> None:
    answer = await service.deliver(event(), path=path)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.content == b'{"event_id":"evt_1","outcome":"recorded","reason":null}'
    assert event_ids(service) == ["evt_1"]


async def test_an_event_that_comes_again_is_a_duplicate(local_service: Service) -> None:
    await local_service.deliver(event())

    answer = await local_service.deliver(event())

    assert answer.status_code == 200
    assert answer.content == b'{"event_id":"evt_1","outcome":"duplicate","reason":null}'
    assert event_ids(local_service) == ["evt_1"]


async def test_the_very_bytes_that_were_signed_are_kept(local_service: Service) -> None:
    body = to_body(event()).replace(b": ", b" :\t") + b"\r\n  "

    answer = await local_service.deliver(body)

    assert answer.status_code == 200
    assert query(local_service.database_path, "SELECT payload FROM events") == [{"payload": body}]


async def test_what_stripe_was_promised_is_visible_at_once(service: Service) -> None:
    for n in range(10):
        id_ = f"cs_test_{n}"
        await service.deliver(event(id=f"evt_{n}", subject=session(id=id_)))

        status = await service.client.get(f"/checkout/{id_}")

        assert status.json()["status"] == "paid"


@pytest.mark.parametrize(
    "document",
    [event("a.type.that.nobody.knows", {"id": "x_1"}), thin_event(), event("x", {"get": 1})],
    ids=lambda document: str(document["type"]),
)
async def test_an_event_of_any_type_is_recorded(endpoint: Service, document: Document) -> None:
    answer = await endpoint.deliver(document)

    assert answer.json()["outcome"] == "recorded"
    assert event_ids(endpoint) == [document["id"]]


async def test_an_event_that_we_cannot_fold_is_safe_and_is_not_sent_again(
    endpoint: Service,
) -> None:
    answer = await endpoint.deliver(event(subject=session(payment_status="unforeseen")))

    assert answer.status_code == 200
    assert answer.content == b'{"event_id":"evt_1","outcome":"recorded","reason":null}'
    assert query(endpoint.database_path, "SELECT state FROM events") == [{"state": "failed"}]


async def test_each_secret_of_the_settings_is_taken(database_path: Path) -> None:
    both = settings(database_path.parent, stripe_webhook_secrets=["whsec_before_it", SECRET])
    async with service_in_process(both) as service:
        answers = [
            await service.deliver(event(id="evt_1"), secret="whsec_before_it"),
            await service.deliver(event(id="evt_2")),
        ]

    assert [answer.status_code for answer in answers] == [200, 200]


async def test_all_real_events_in_disorder_and_twice_are_recorded_once(service: Service) -> None:
    """Many of the real bodies share an id; here each gets one of its own."""
    documents = [json.loads(path.read_bytes()) for path in real_events()]
    bodies = [to_body(document | {"id": f"evt_{n}"}) for n, document in enumerate(documents)] * 2
    random.Random(71).shuffle(bodies)  # noqa: S311 the same disorder every time
    sixteen = asyncio.Semaphore(16)

    async def deliver(body: bytes) -> httpx.Response:
        async with sixteen:
            return await service.deliver(body)

    answers = await asyncio.gather(*(deliver(body) for body in bodies))

    assert {answer.status_code for answer in answers} == {200}
    outcomes = [answer.json()["outcome"] for answer in answers]
    assert (outcomes.count("recorded"), outcomes.count("duplicate")) == (71, 71)
    assert event_ids(service) == sorted(f"evt_{n}" for n in range(71))


@pytest.mark.parametrize("livemode", [True, False])
@pytest.mark.parametrize("wanted", [True, False])
async def test_only_events_of_the_wanted_mode_are_recorded(
    database_path: Path,
    wanted: bool,  # noqa: FBT001 a column of the table
    livemode: bool,  # noqa: FBT001 a column of the table
) -> None:
    ours = settings(database_path.parent, stripe_livemode=wanted)
    async with service_in_process(ours) as service:
        answer = await service.deliver(event(livemode=livemode))

        assert answer.status_code == 200
        if livemode is wanted:
            assert answer.json()["outcome"] == "recorded"
            assert event_ids(service) == ["evt_1"]
        else:
            assert answer.content == (
                b'{"event_id":"evt_1","outcome":"ignored","reason":"other_mode"}'
            )
            assert event_ids(service) == []


@pytest.mark.parametrize("livemode", [True, False])
async def test_without_the_setting_both_modes_are_recorded(
    local_service: Service,
    livemode: bool,  # noqa: FBT001 a column of the table
) -> None:
    answer = await local_service.deliver(event(livemode=livemode))

    assert answer.json()["outcome"] == "recorded"


@pytest.mark.parametrize(
    "document", [event(account="acct_other"), thin_event(id="evt_1", context="acct_other")]
)
async def test_an_event_of_another_account_changes_nothing(
    endpoint: Service, document: Document
) -> None:
    answer = await endpoint.deliver(document)

    assert answer.status_code == 200
    assert answer.content == b'{"event_id":"evt_1","outcome":"ignored","reason":"other_account"}'
    assert event_ids(endpoint) == []
    assert query(endpoint.database_path, "SELECT * FROM payments") == []


async def test_an_event_that_names_our_account_is_recorded(endpoint: Service) -> None:
    answer = await endpoint.deliver(event(account=ACCOUNT))

    assert answer.json()["outcome"] == "recorded"


def test_webhooks_arrive_where_the_endpoint_at_stripe_is_registered() -> None:
    assert webhooks.PATH == endpoint.PATH
