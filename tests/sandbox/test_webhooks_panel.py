"""The hosted page's list of webhooks, as HTML."""

import asyncio
import re

import httpx
import pytest

from tests.support.sandbox.local_servers import (
    DEADLINE_S,
    Service,
    config_for,
    open_session,
    running_sandbox,
)

LONG_S = 3600.0


async def panel(sandbox: httpx.AsyncClient, session_id: str) -> str:
    """The list's words."""
    fragment = (await sandbox.get(f"/c/pay/{session_id}/webhooks")).text
    return " ".join(re.sub("<.*?>", "", fragment.replace("<wbr>", "")).split())


async def wait_said(sandbox: httpx.AsyncClient, session_id: str, pattern: str) -> None:
    """Return once the list says this: what is planned is known a moment after the answer."""
    async with asyncio.timeout(DEADLINE_S):
        while not re.search(pattern, await panel(sandbox, session_id)):  # noqa: ASYNC110 - HTML rings no bell
            await asyncio.sleep(0)


async def event_ids(sandbox: httpx.AsyncClient) -> list[str]:
    events = (await sandbox.get("/sandbox/deliveries")).json()["events"]
    return [event["event_id"] for event in events]


async def test_each_attempt_has_its_time_status_and_the_services_outcome(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    service.answer_body = b'{"event_id": "evt_1", "outcome": "recorded", "reason": null}'
    session_id = await open_session(sandbox)

    await sandbox.post(f"/sandbox/sessions/{session_id}/expire", json={"duplicate": 2})

    words = await panel(sandbox, session_id)
    attempt = r"\d\d:\d\d:\d\d 200 recorded \d+ ms"
    assert re.fullmatch(f"checkout.session.expired Send again {attempt} {attempt}", words)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"outcome": 7}', b""])
async def test_a_service_without_a_word_for_it_is_shown_by_its_status(
    sandbox: httpx.AsyncClient, service: Service, body: bytes
) -> None:
    service.answer_body = body
    session_id = await open_session(sandbox)

    await sandbox.post(f"/sandbox/sessions/{session_id}/expire")

    assert re.search(r" 200 \d+ ms$", await panel(sandbox, session_id))


async def test_the_page_has_the_list_that_its_script_fetches(sandbox: httpx.AsyncClient) -> None:
    session_id = await open_session(sandbox)
    await sandbox.post(f"/sandbox/sessions/{session_id}/expire")

    fragment = (await sandbox.get(f"/c/pay/{session_id}/webhooks")).text
    page = (await sandbox.get(f"/c/pay/{session_id}")).text

    assert f'data-source="/c/pay/{session_id}/webhooks"' in page
    assert fragment.strip() in page
    assert "<html" not in fragment


async def test_the_latest_event_comes_first(sandbox: httpx.AsyncClient) -> None:
    session_id = await open_session(sandbox)
    await sandbox.post(f"/sandbox/sessions/{session_id}/decline")

    await sandbox.post(f"/sandbox/sessions/{session_id}/expire")

    assert re.findall(r"[a-z_]+(?:\.[a-z_]+)+", await panel(sandbox, session_id)) == [
        "checkout.session.expired",
        "payment_intent.payment_failed",
        "payment_intent.created",
    ]


async def test_a_refused_event_says_why_and_when_it_is_tried_again(service: Service) -> None:
    service.answers.append(503)
    service.answer_body = b'{"code": "storage_unavailable"}'
    async with running_sandbox(config_for(service, retry_delays_s=(LONG_S,))) as sandbox:
        session_id = await open_session(sandbox)

        await sandbox.post(f"/sandbox/sessions/{session_id}/expire")

        refused = r"Send now .* 503 storage_unavailable \d+ ms next try at \d\d:\d\d:\d\d$"
        await wait_said(sandbox, session_id, refused)


async def test_an_event_that_nobody_took_is_given_up(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    service.answers.append(500)
    session_id = await open_session(sandbox)

    await sandbox.post(f"/sandbox/sessions/{session_id}/expire")

    await wait_said(sandbox, session_id, r"Send again .* 500 \d+ ms given up$")


async def test_an_event_that_is_late_says_when_it_goes_out(sandbox: httpx.AsyncClient) -> None:
    session_id = await open_session(sandbox)

    await sandbox.post(f"/sandbox/sessions/{session_id}/expire", json={"delay_s": 600})

    await wait_said(sandbox, session_id, r"Send now goes out at \d\d:\d\d:\d\d$")


async def test_what_the_service_says_is_text_and_not_html(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    service.answer_body = b'{"outcome": "<script>alert(1)</script>"}'
    session_id = await open_session(sandbox)

    await sandbox.post(f"/sandbox/sessions/{session_id}/expire")

    fragment = (await sandbox.get(f"/c/pay/{session_id}/webhooks")).text
    assert "&lt;script&gt;" in fragment
    assert "<script" not in fragment


async def test_a_withheld_event_is_sent_from_the_page(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    session_id = await open_session(sandbox)
    await sandbox.post(f"/sandbox/sessions/{session_id}/expire", json={"withhold": True})
    assert (
        "Send now Stripe forgets this event Stripe cannot make this event "
        "held back until you send it"
    ) in await panel(sandbox, session_id)
    (event_id,) = await event_ids(sandbox)

    sent = await sandbox.post(f"/c/pay/{session_id}/events/{event_id}/send")

    assert sent.headers["location"] == f"/c/pay/{session_id}#webhooks"
    assert service.types == ["checkout.session.expired"]
    assert "Send again" in await panel(sandbox, session_id)


async def test_a_session_has_only_its_own_events(sandbox: httpx.AsyncClient) -> None:
    session_id, other_id = await open_session(sandbox), await open_session(sandbox)
    await sandbox.post(f"/sandbox/sessions/{session_id}/expire", json={"withhold": True})
    (event_id,) = await event_ids(sandbox)

    assert (await panel(sandbox, other_id)).startswith("No webhooks yet")
    for path in (f"{other_id}/events/{event_id}", f"{session_id}/events/evt_x"):
        assert (await sandbox.post(f"/c/pay/{path}/send")).status_code == 404
