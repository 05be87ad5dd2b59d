from pathlib import Path

import httpx
import pytest
from stripe import WebhookSignature

from sandbox.server import SandboxConfig
from sandbox.stripe.acts import Act
from tests.support.sandbox.local_servers import Service, open_session, order_body


async def test_paying_answers_after_every_event_was_sent_once(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    session_id = await open_session(sandbox)

    response = await sandbox.post(f"/sandbox/sessions/{session_id}/pay")

    assert response.status_code == 200
    answer = response.json()
    assert answer["session"]["payment_status"] == "paid"
    assert answer["session"]["return_url"].endswith(f"session_id={session_id}")
    assert [event["state"] for event in answer["events"]] == ["delivered"] * 4
    assert service.types == [event["type"] for event in answer["events"]]


async def test_what_arrives_is_signed_with_the_configured_secret(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    session_id = await open_session(sandbox)
    await sandbox.post(f"/sandbox/sessions/{session_id}/pay")

    secret = SandboxConfig().webhook_secret
    for received in service.received:
        assert WebhookSignature.verify_header(
            received.body.decode(), received.signature, secret, tolerance=300
        )


async def test_events_can_be_doubled_and_reversed(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    session_id = await open_session(sandbox)

    await sandbox.post(
        f"/sandbox/sessions/{session_id}/decline", json={"duplicate": 2, "reverse": True}
    )

    assert service.types == ["payment_intent.payment_failed"] * 2 + ["payment_intent.created"] * 2


async def test_a_withheld_event_is_released_by_resending_it(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    session_id = await open_session(sandbox)
    answer = await sandbox.post(f"/sandbox/sessions/{session_id}/pay", json={"withhold": True})
    events = answer.json()["events"]
    assert [event["state"] for event in events] == ["withheld"] * 4
    assert service.received == []

    resent = await sandbox.post(f"/sandbox/deliveries/{events[-1]['event_id']}/resend")

    assert resent.status_code == 200
    assert resent.json()["status_code"] == 200
    assert service.types == ["checkout.session.completed"]


async def test_each_attempt_is_on_record(sandbox: httpx.AsyncClient, service: Service) -> None:
    session_id = await open_session(sandbox)
    service.answers.append(503)
    answer = await sandbox.post(f"/sandbox/sessions/{session_id}/expire")
    event_id = answer.json()["events"][0]["event_id"]
    await sandbox.post(f"/sandbox/deliveries/{event_id}/resend")

    record = (await sandbox.get("/sandbox/deliveries")).json()

    attempts = record["deliveries"]
    assert [(one["attempt"], one["status_code"]) for one in attempts] == [(1, 503), (2, 200)]
    assert {one["event_id"] for one in attempts} == {event_id}
    assert {one["type"] for one in attempts} == {"checkout.session.expired"}
    assert all(one["ms"] >= 0 and one["error"] is None for one in attempts)
    assert record["events"] == [
        {
            "event_id": event_id,
            "type": "checkout.session.expired",
            "session_id": session_id,
            "state": "delivered",
            "attempts": 2,
        }
    ]


async def test_sessions_are_listed_newest_first_with_what_can_be_done(
    sandbox: httpx.AsyncClient,
) -> None:
    first_id = await open_session(sandbox)
    second_id = await open_session(sandbox, order_body(("price_x", 3)))
    await sandbox.post(f"/sandbox/sessions/{first_id}/pay_later")

    sessions = (await sandbox.get("/sandbox/sessions")).json()["sessions"]

    assert [session["id"] for session in sessions] == [second_id, first_id]
    assert sessions[0]["acts"] == ["pay", "pay_later", "decline", "expire"]
    assert sessions[0]["line_items"] == [{"price": "price_x", "quantity": 3, "amount_total": 3000}]
    assert sessions[1]["acts"] == ["bank_succeeds", "bank_fails"]
    assert sessions[1]["stage"] == "awaiting_bank"


async def test_one_session_can_be_read(sandbox: httpx.AsyncClient) -> None:
    session_id = await open_session(sandbox)

    session = (await sandbox.get(f"/sandbox/sessions/{session_id}")).json()

    assert session["id"] == session_id
    assert session["url"].startswith(f"http://sandbox.test/c/pay/{session_id}#fid")
    assert session["success_url"] == "https://shop.test/thanks?session_id={CHECKOUT_SESSION_ID}"
    assert session["payment_intent"] is None


async def test_an_act_that_is_not_possible_is_a_conflict(sandbox: httpx.AsyncClient) -> None:
    session_id = await open_session(sandbox)

    response = await sandbox.post(f"/sandbox/sessions/{session_id}/bank_fails")

    assert response.status_code == 409
    assert "it is open" in response.json()["error"]["message"]


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"duplicate": 0}', b'{"later": 1}'])
async def test_trouble_that_makes_no_sense_is_refused_and_nothing_happens(
    sandbox: httpx.AsyncClient, content: bytes
) -> None:
    session_id = await open_session(sandbox)

    response = await sandbox.post(f"/sandbox/sessions/{session_id}/pay", content=content)

    assert response.status_code == 400
    session = (await sandbox.get(f"/sandbox/sessions/{session_id}")).json()
    assert session["status"] == "open"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sandbox/sessions/cs_test_x"),
        ("POST", "/sandbox/sessions/cs_test_x/pay"),
        ("POST", "/sandbox/deliveries/evt_x/resend"),
    ],
)
async def test_what_does_not_exist_is_not_found(
    sandbox: httpx.AsyncClient, method: str, path: str
) -> None:
    response = await sandbox.request(method, path)

    assert response.status_code == 404
    assert "error" in response.json()


async def test_an_unknown_act_names_the_known_ones(sandbox: httpx.AsyncClient) -> None:
    session_id = await open_session(sandbox)

    response = await sandbox.post(f"/sandbox/sessions/{session_id}/steal")

    assert response.status_code == 404
    assert "bank_succeeds" in response.json()["error"]["message"]


async def test_a_part_is_refunded_with_trouble_beside_its_amount(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    session_id = await open_session(sandbox)
    await sandbox.post(f"/sandbox/sessions/{session_id}/pay")
    service.received.clear()

    answer = await sandbox.post(
        f"/sandbox/sessions/{session_id}/refund", json={"amount": 450, "duplicate": 2}
    )

    session = answer.json()["session"]
    assert (session["amount_refunded"], session["dispute"]) == (450, None)
    assert session["acts"] == ["refund", "dispute_open"]
    assert service.types.count("charge.refunded") == 2


async def test_without_an_amount_the_rest_is_refunded(sandbox: httpx.AsyncClient) -> None:
    session_id = await open_session(sandbox)
    await sandbox.post(f"/sandbox/sessions/{session_id}/pay")
    await sandbox.post(f"/sandbox/sessions/{session_id}/refund", json={"amount": 450})

    answer = await sandbox.post(f"/sandbox/sessions/{session_id}/refund")

    assert answer.json()["session"]["amount_refunded"] == 1450


@pytest.mark.parametrize("amount", [0, 1451, "450", 4.5, True, None])
async def test_an_amount_that_makes_no_sense_is_refused_by_name(
    sandbox: httpx.AsyncClient, amount: object
) -> None:
    session_id = await open_session(sandbox)
    await sandbox.post(f"/sandbox/sessions/{session_id}/pay")

    answer = await sandbox.post(f"/sandbox/sessions/{session_id}/refund", json={"amount": amount})

    assert answer.status_code == 400
    assert "amount must be" in answer.json()["error"]["message"]
    session = (await sandbox.get(f"/sandbox/sessions/{session_id}")).json()
    assert session["amount_refunded"] == 0


async def test_only_a_refund_takes_an_amount(sandbox: httpx.AsyncClient) -> None:
    session_id = await open_session(sandbox)

    answer = await sandbox.post(f"/sandbox/sessions/{session_id}/pay", json={"amount": 450})

    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "Unknown field: amount."


def test_the_page_of_the_sandbox_names_every_act() -> None:
    page = (Path(__file__).parents[2] / "docs/sandbox.md").read_text()

    acts = page.partition("## Press the buttons")[2].partition("\n## ")[0]
    assert [act for act in Act if f"`{act}`" not in acts] == []
