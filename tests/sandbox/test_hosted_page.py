import asyncio
import re

import httpx
import pytest

from sandbox.server import Waits
from tests.support.sandbox.local_servers import (
    DEADLINE_S,
    Service,
    config_for,
    open_session,
    order_body,
    running_sandbox,
)


async def press(
    sandbox: httpx.AsyncClient, session_id: str, button: str, **fields: str
) -> httpx.Response:
    return await sandbox.post(f"/c/pay/{session_id}/{button}", data=fields)


async def test_the_page_shows_the_cart_and_says_that_it_is_a_simulation(
    sandbox: httpx.AsyncClient,
) -> None:
    session_id = await open_session(sandbox, order_body(("price_sandbox_mug", 2), ("price_<b>", 1)))

    page = await sandbox.get(f"/c/pay/{session_id}")

    assert page.status_code == 200
    assert "Simulation" in page.text
    assert "$29.00" in page.text
    assert "$39.00" in page.text
    assert "Item &lt;b&gt;" in page.text


async def test_the_page_has_no_script_but_its_own_and_may_load_nothing_from_elsewhere(
    sandbox: httpx.AsyncClient,
) -> None:
    session_id = await open_session(sandbox)

    page = await sandbox.get(f"/c/pay/{session_id}")

    policy = page.headers["content-security-policy"]
    assert re.findall("<script.*", page.text) == [
        '<script type="module" src="/static/hosted_page.js"></script>'
    ]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "connect-src 'self';" in policy
    assert not re.search(r"(src|href)=.https?:", page.text)
    assert page.headers["cache-control"] == "no-store"
    # A stricter policy would make the browser hide the shop's origin from the service.
    assert page.headers["referrer-policy"] == "strict-origin-when-cross-origin"


async def test_paying_leads_to_the_success_url_with_the_sessions_id(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    url = "https://shop.test/{CHECKOUT_SESSION_ID}/ü?a={CHECKOUT_SESSION_ID}&b=%7BX%7D&c={x}"
    session_id = await open_session(sandbox, order_body(success_url=url))

    response = await press(sandbox, session_id, "pay")

    assert response.status_code == 303
    assert response.headers["location"] == (
        f"https://shop.test/{session_id}/%C3%BC?a={session_id}&b=%7BX%7D&c={{x}}"
    )
    assert service.types[-1] == "checkout.session.completed"


async def test_the_buyer_waits_for_the_services_answer(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    session_id = await open_session(sandbox)
    service.gate.clear()

    paying = asyncio.create_task(press(sandbox, session_id, "pay", reverse="on"))
    await service.wait_received(1)
    assert service.types == ["checkout.session.completed"]
    assert not paying.done()
    service.gate.set()

    assert (await paying).status_code == 303


async def test_the_buyer_does_not_wait_for_ever(service: Service) -> None:
    service.gate.clear()
    async with running_sandbox(config_for(service), Waits(buyer_s=0.05)) as sandbox:
        session_id = await open_session(sandbox)

        response = await press(sandbox, session_id, "pay")

        assert response.status_code == 303
        service.gate.set()


@pytest.mark.parametrize("trouble", [{"withhold": "on"}, {"delay_s": "600"}])
async def test_the_buyer_is_back_before_events_that_are_meant_to_be_late(
    sandbox: httpx.AsyncClient, service: Service, trouble: dict[str, str]
) -> None:
    session_id = await open_session(sandbox)

    response = await press(sandbox, session_id, "pay", **trouble)

    assert response.status_code == 303
    assert service.received == []


async def test_a_second_click_on_pay_leads_to_the_shop_too_and_pays_once(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    session_id = await open_session(sandbox)
    first = await press(sandbox, session_id, "pay")

    second = await press(sandbox, session_id, "pay")

    assert second.headers["location"] == first.headers["location"]
    assert service.types.count("checkout.session.completed") == 1


async def test_paying_later_leads_to_a_page_on_which_the_bank_decides(
    sandbox: httpx.AsyncClient,
) -> None:
    session_id = await open_session(sandbox)

    response = await press(sandbox, session_id, "pay_later")

    assert response.headers["location"] == f"/c/pay/{session_id}"
    page = await sandbox.get(f"/c/pay/{session_id}")
    assert "The bank pays" in page.text
    assert "The bank refuses" in page.text


@pytest.mark.parametrize(
    ("button", "event_type", "words"),
    [
        ("bank_succeeds", "checkout.session.async_payment_succeeded", "Paid. Thank you!"),
        ("bank_fails", "checkout.session.async_payment_failed", "the bank refused"),
    ],
)
async def test_when_the_bank_has_decided_the_page_says_so_and_leads_on_to_the_shop(
    sandbox: httpx.AsyncClient, service: Service, button: str, event_type: str, words: str
) -> None:
    session_id = await open_session(sandbox)
    await press(sandbox, session_id, "pay_later")

    response = await press(sandbox, session_id, button)

    assert response.headers["location"] == f"/c/pay/{session_id}"
    await service.wait_received(5 if button == "bank_fails" else 6)
    assert service.types[-1] == event_type
    page = await sandbox.get(f"/c/pay/{session_id}")
    assert words in page.text
    assert "The bank pays" not in page.text
    assert f'href="https://shop.test/thanks?session_id={session_id}"' in page.text


async def test_after_a_declined_card_the_buyer_can_try_again(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    session_id = await open_session(sandbox)

    declined = await press(sandbox, session_id, "decline")
    page = await sandbox.get(declined.headers["location"])
    paid = await press(sandbox, session_id, "pay")

    assert "The card was declined" in page.text
    assert "Pay $14.50" in page.text
    assert paid.headers["location"].startswith("https://shop.test/thanks")
    assert "payment_intent.payment_failed" in service.types


async def test_going_back_leads_to_the_cancel_url_and_the_session_stays_open(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    session_id = await open_session(sandbox)

    response = await press(sandbox, session_id, "go_back")

    assert response.status_code == 303
    assert response.headers["location"] == "https://shop.test/cart"
    assert "Pay $14.50" in (await sandbox.get(f"/c/pay/{session_id}")).text
    assert service.received == []


async def test_who_goes_back_after_paying_is_led_to_the_success_url(
    sandbox: httpx.AsyncClient,
) -> None:
    session_id = await open_session(sandbox)
    paid = await press(sandbox, session_id, "pay")

    response = await press(sandbox, session_id, "go_back")

    assert response.headers["location"] == paid.headers["location"]


async def test_an_expired_session_shows_so_instead_of_buttons(
    sandbox: httpx.AsyncClient, service: Service
) -> None:
    session_id = await open_session(sandbox)

    await press(sandbox, session_id, "expire")
    too_late = await press(sandbox, session_id, "pay")

    assert too_late.status_code == 409
    assert "has changed since" in too_late.text
    assert "has expired" in too_late.text
    assert '<a href="https://shop.test/cart">Back to the shop</a>' in too_late.text
    assert "<form" not in too_late.text.partition("<aside")[0]
    await service.wait_received(1)
    assert service.types == ["checkout.session.expired"]


async def test_the_address_of_a_forms_answer_leads_to_the_page(
    sandbox: httpx.AsyncClient,
) -> None:
    session_id = await open_session(sandbox)

    for button in ("pay", "refund", "go_back"):
        response = await sandbox.get(f"/c/pay/{session_id}/{button}")
        assert response.status_code == 303
        assert response.headers["location"] == f"/c/pay/{session_id}"


async def test_a_session_that_nobody_opened_is_a_page_that_says_so(
    sandbox: httpx.AsyncClient,
) -> None:
    page = await sandbox.get("/c/pay/cs_test_x")

    assert page.status_code == 404
    assert "There is no such payment" in page.text


async def test_a_button_that_does_not_exist_is_not_found(sandbox: httpx.AsyncClient) -> None:
    session_id = await open_session(sandbox)

    assert (await press(sandbox, session_id, "steal")).status_code == 404


@pytest.mark.parametrize("content", [b"duplicate=99", b"\xff=1", b"&".join([b"a=1"] * 51)])
async def test_a_form_that_makes_no_sense_does_nothing(
    sandbox: httpx.AsyncClient, content: bytes
) -> None:
    session_id = await open_session(sandbox)

    refused = await sandbox.post(f"/c/pay/{session_id}/pay", content=content)

    assert refused.status_code == 400
    session = (await sandbox.get(f"/sandbox/sessions/{session_id}")).json()
    assert session["status"] == "open"


@pytest.mark.parametrize(
    ("cancel_url", "shop"),
    [("http://sandbox.test/?mug=1", "Slow Morning"), ("https://shop.test/cart", "shop.test")],
)
async def test_the_sandboxs_own_shop_has_a_name_and_any_other_its_host(
    sandbox: httpx.AsyncClient, cancel_url: str, shop: str
) -> None:
    session_id = await open_session(sandbox, order_body(cancel_url=cancel_url))

    page = await sandbox.get(f"/c/pay/{session_id}")

    assert f'<p class="shop">{shop}</p>' in page.text


async def test_a_subscription_says_how_often_it_is_paid(sandbox: httpx.AsyncClient) -> None:
    body = order_body(("price_sandbox_club", 1), mode="subscription")
    session_id = await open_session(sandbox, body)

    page = await sandbox.get(f"/c/pay/{session_id}")

    assert "each month" in page.text
    assert "Total due today" in page.text


async def test_the_sandbox_stops_although_deliveries_are_waiting(service: Service) -> None:
    service.answers.extend([500] * 10)
    async with (
        asyncio.timeout(DEADLINE_S),
        running_sandbox(config_for(service, retry_delays_s=(3600,))) as sandbox,
    ):
        session_id = await open_session(sandbox)
        await press(sandbox, session_id, "pay")
