"""The sandbox plays Stripe's API: read with the service's own client, as the service reads it."""

from collections.abc import AsyncIterator

import httpx
import orjson
import pytest

from app.adapters.stripe_api.reads import StripeApi
from app.usecases.stripe_reads import StripeObjectMissingError
from tests.support.sandbox.local_servers import Service, open_session, sandbox_app
from tests.support.stripe_api_calls import stripe_api

TYPES = ["checkout.session.completed", "checkout.session.expired", "payment_intent.succeeded"]


@pytest.fixture
async def api(sandbox: httpx.AsyncClient) -> AsyncIterator[StripeApi]:
    transport = httpx.ASGITransport(sandbox_app(sandbox))
    async with stripe_api(str(sandbox.base_url), transport=transport) as api:
        yield api


async def listed(api: StripeApi, *, since_s: int = 0, only_undelivered: bool = True) -> list[str]:
    pages = api.events(TYPES, since_s=since_s, only_undelivered=only_undelivered)
    return [str(event["type"]) async for page in pages for event in page]


async def withheld(sandbox: httpx.AsyncClient, session_id: str) -> list[str]:
    answer = await sandbox.post(f"/sandbox/sessions/{session_id}/pay", json={"withhold": True})
    return [event["event_id"] for event in answer.json()["events"]]


async def test_an_event_that_was_forgotten_is_listed_and_never_sent(
    sandbox: httpx.AsyncClient, service: Service, api: StripeApi
) -> None:
    event_ids = await withheld(sandbox, await open_session(sandbox))
    before = await listed(api)

    answers = [await sandbox.post(f"/sandbox/deliveries/{each}/lose") for each in event_ids]

    assert before == []
    assert [answer.json()["state"] for answer in answers] == ["lost"] * 4
    assert sorted(await listed(api)) == ["checkout.session.completed", "payment_intent.succeeded"]
    assert await listed(api, since_s=2**40) == []
    assert service.received == []


async def test_delivered_events_are_listed_where_all_are_asked_for(
    sandbox: httpx.AsyncClient, api: StripeApi
) -> None:
    await sandbox.post(f"/sandbox/sessions/{await open_session(sandbox)}/expire")

    assert await listed(api) == []
    assert await listed(api, only_undelivered=False) == ["checkout.session.expired"]


async def test_a_delivered_event_cannot_be_forgotten(sandbox: httpx.AsyncClient) -> None:
    answer = await sandbox.post(f"/sandbox/sessions/{await open_session(sandbox)}/expire")
    (event,) = answer.json()["events"]

    refused = await sandbox.post(f"/sandbox/deliveries/{event['event_id']}/lose")

    assert refused.status_code == 409


async def test_an_event_whose_delivery_failed_is_listed_and_can_be_forgotten(
    sandbox: httpx.AsyncClient, service: Service, api: StripeApi
) -> None:
    service.answers.append(500)
    session_id = await open_session(sandbox)
    answer = await sandbox.post(f"/sandbox/sessions/{session_id}/expire")
    (event,) = answer.json()["events"]
    assert await listed(api) == ["checkout.session.expired"]

    await sandbox.post(f"/c/pay/{session_id}/events/{event['event_id']}/lose")

    states = (await sandbox.get("/sandbox/deliveries")).json()["events"]
    assert [each["state"] for each in states] == ["lost"]
    assert "API tells of it" in (await sandbox.get(f"/c/pay/{session_id}")).text


async def test_many_events_come_in_pages_oldest_first(
    sandbox: httpx.AsyncClient, api: StripeApi
) -> None:
    made = [
        event for _ in range(30) for event in await withheld(sandbox, await open_session(sandbox))
    ]
    for event_id in made:
        await sandbox.post(f"/sandbox/deliveries/{event_id}/lose")

    pages = api.events([], since_s=0, only_undelivered=True)
    ids = [str(event["id"]) async for page in pages for event in page]

    assert ids == made


async def test_a_session_is_read_with_its_intent_and_charge(
    sandbox: httpx.AsyncClient, api: StripeApi
) -> None:
    session_id = await open_session(sandbox)
    opened = await api.read("checkout.session", session_id)
    await sandbox.post(f"/sandbox/sessions/{session_id}/pay")

    paid = await api.read("checkout.session", session_id)

    assert (opened["status"], opened["payment_intent"]) == ("open", None)
    assert paid["payment_status"] == "paid"
    intent = paid["payment_intent"]
    assert isinstance(intent, dict)
    assert intent["latest_charge"]["object"] == "charge"


async def test_line_items_are_what_was_bought(sandbox: httpx.AsyncClient, api: StripeApi) -> None:
    session_id = await open_session(sandbox)
    items = await api.line_items(session_id)
    told = (await sandbox.get(f"/sandbox/sessions/{session_id}")).json()["line_items"]

    assert [(each["price"]["id"], each["quantity"]) for each in items] == [  # type: ignore[index]  # Stripe's shape
        (each["price"], each["quantity"]) for each in told
    ]


async def test_unknown_sessions_are_missing(api: StripeApi) -> None:
    with pytest.raises(StripeObjectMissingError):
        await api.read("checkout.session", "cs_test_none")


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/v1/events", "sk_live_1", 401),
        ("/v1/events?limit=0", "rk_test_1", 400),
        ("/v1/events?created[gte]=soon", "rk_test_1", 400),
        ("/v1/events?starting_after=evt_none", "rk_test_1", 400),
    ],
)
async def test_wrong_questions_are_refused(
    sandbox: httpx.AsyncClient, path: str, key: str, status: int
) -> None:
    answer = await sandbox.get(path, headers={"Authorization": f"Bearer {key}"})

    assert answer.status_code == status
    assert answer.json()["error"]["message"]


async def test_prices_cost_what_they_cost_in_a_cart(sandbox: httpx.AsyncClient) -> None:
    headers = {"Authorization": "Bearer rk_test_1"}
    ids = "price_sandbox_mug", "price_sandbox_club", "price_any"

    found = [(await sandbox.get(f"/v1/prices/{each}", headers=headers)).json() for each in ids]

    assert [(each["type"], each["unit_amount"]) for each in found] == [
        ("one_time", 1450),
        ("recurring", 1900),
        ("one_time", 1000),
    ]
    assert (await sandbox.get("/v1/prices/price_any")).status_code == 401


async def test_an_event_that_cannot_be_made_is_nowhere_but_a_notice_names_its_object(
    sandbox: httpx.AsyncClient, service: Service, api: StripeApi
) -> None:
    session_id = await open_session(sandbox)
    await sandbox.post(f"/sandbox/sessions/{session_id}/pay")
    sent = len(service.received)
    answer = await sandbox.post(f"/sandbox/sessions/{session_id}/refund", json={"withhold": True})
    made = {each["type"]: each["event_id"] for each in answer.json()["events"]}

    unmade = await sandbox.post(f"/sandbox/deliveries/{made['refund.created']}/unmake")
    await service.wait_received(sent + 1)

    notice = orjson.loads(service.received[sent].body)
    related = notice["data"]["impact"]["related_object"]
    assert unmade.json()["state"] == "never_made"
    assert notice["type"] == "v2.core.health.event_generation_failure.resolved"
    assert notice["data"]["impact"]["event_type"] == "refund.created"
    assert related["url"] == f"/v1/refunds/{related['id']}"
    assert (await api.read(related["type"], related["id"]))["status"] == "succeeded"
    everything = api.events([], since_s=0, only_undelivered=False)
    listed_types = {str(event["type"]) async for page in everything for event in page}
    assert "checkout.session.completed" in listed_types
    assert not listed_types & {"refund.created", notice["type"]}
    again = await sandbox.post(f"/sandbox/deliveries/{made['refund.created']}/unmake")
    assert again.status_code == 409


async def test_the_page_has_a_button_for_that_while_an_event_is_held_back(
    sandbox: httpx.AsyncClient,
) -> None:
    session_id = await open_session(sandbox)
    event_id, *_ = await withheld(sandbox, session_id)
    path, button = f"/c/pay/{session_id}", f'id="unmake-{event_id}"'
    before = (await sandbox.get(path)).text

    await sandbox.post(f"{path}/events/{event_id}/unmake")

    after = (await sandbox.get(path)).text
    assert button in before
    assert button not in after
    assert "never made" in after


async def test_unknown_objects_are_missing(api: StripeApi) -> None:
    with pytest.raises(StripeObjectMissingError):
        await api.read("refund", "re_none")
