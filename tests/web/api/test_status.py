import json
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from tests.support.builders import (
    CHECKOUT_ID,
    NOW_S,
    SESSION_ID,
    Document,
    Service,
    event,
    query,
    session,
)

KEYS = [
    "checkout_id",
    "session_id",
    "mode",
    "status",
    "amount_total",
    "currency",
    "amount_refunded",
    "paid_at",
    "updated_at",
]
COMPLETED = "checkout.session.completed"
SUCCEEDED = "checkout.session.async_payment_succeeded"
FAILED = "checkout.session.async_payment_failed"
EXPIRED = "checkout.session.expired"


def keep_checkout(database_path: Path, session_id: str | None = SESSION_ID) -> None:
    query(
        database_path,
        "INSERT INTO checkouts (id, created_at_ms, mode, line_items, success_url, cancel_url, url,"
        " session_id) VALUES (?, ?, 'payment', '[]', 's', 'c', 'u', ?)",
        CHECKOUT_ID,
        NOW_S * 1000 + 7,
        session_id,
    )


async def read(local_service: Service, public_id: str = CHECKOUT_ID) -> Document:
    answer = await local_service.client.get(f"/checkout/{public_id}")
    assert answer.status_code == 200, answer.text
    document: Document = answer.json()
    return document


async def ask_again(local_service: Service, if_none_match: str) -> httpx.Response:
    return await local_service.client.get(
        f"/checkout/{CHECKOUT_ID}", headers={"If-None-Match": if_none_match}
    )


# --- what is shown


async def test_a_new_checkout_is_open_and_what_is_not_known_is_null(local_service: Service) -> None:
    keep_checkout(local_service.database_path)

    answer = await local_service.client.get(f"/checkout/{CHECKOUT_ID}")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.text) == {
        "checkout_id": CHECKOUT_ID,
        "session_id": SESSION_ID,
        "mode": "payment",
        "status": "open",
        "amount_total": None,
        "currency": None,
        "amount_refunded": 0,
        "paid_at": None,
        "updated_at": "2025-10-09T08:53:20.007Z",
    }
    assert list(answer.json()) == KEYS


async def test_a_paid_checkout_shows_amount_and_time(local_service: Service) -> None:
    keep_checkout(local_service.database_path)
    await local_service.deliver(event(created=NOW_S + 60))

    shown = await read(local_service)

    assert list(shown) == KEYS
    assert shown | {"updated_at": None} == {
        "checkout_id": CHECKOUT_ID,
        "session_id": SESSION_ID,
        "mode": "payment",
        "status": "paid",
        "amount_total": 1999,
        "currency": "eur",
        "amount_refunded": 0,
        "paid_at": "2025-10-09T08:54:20.000Z",
        "updated_at": None,
    }
    assert datetime.fromisoformat(shown["updated_at"]).utcoffset() is not None


async def test_nothing_personal_is_shown(local_service: Service) -> None:
    details = {"email": "buyer@example.com", "name": "A Buyer"}
    await local_service.deliver(event(subject=session(customer_details=details)))

    answer = await local_service.client.get(f"/checkout/{SESSION_ID}")

    assert "uyer" not in answer.text
    assert list(answer.json()) == KEYS


@pytest.mark.parametrize(
    ("history", "status"),
    [
        ([(COMPLETED, "paid")], "paid"),
        ([(COMPLETED, "no_payment_required")], "paid"),
        ([(COMPLETED, "unpaid")], "processing"),
        ([(COMPLETED, "unpaid"), (SUCCEEDED, "paid")], "paid"),
        ([(SUCCEEDED, "paid"), (COMPLETED, "unpaid")], "paid"),
        ([(COMPLETED, "unpaid"), (FAILED, "unpaid")], "failed"),
        ([(EXPIRED, "unpaid")], "expired"),
        ([(COMPLETED, "paid"), (EXPIRED, "unpaid"), (FAILED, "unpaid")], "paid"),
    ],
)
async def test_each_event_is_visible_as_soon_as_it_was_answered(
    local_service: Service, history: list[tuple[str, str]], status: str
) -> None:
    keep_checkout(local_service.database_path)

    for n, (type_, payment_status) in enumerate(history):
        subject = session(payment_status=payment_status)
        await local_service.deliver(event(type_, subject, id=f"evt_{n}"))

    assert (await read(local_service, CHECKOUT_ID))["status"] == status
    assert (await read(local_service, SESSION_ID))["status"] == status


async def test_a_session_that_this_service_did_not_start_is_readable(
    local_service: Service,
) -> None:
    await local_service.deliver(event(subject=session(success_url="https://elsewhere.example/")))

    shown = await read(local_service, SESSION_ID)

    assert (shown["checkout_id"], shown["session_id"]) == (None, SESSION_ID)
    assert shown["status"] == "paid"


@pytest.mark.parametrize("public_id", [CHECKOUT_ID, SESSION_ID])
async def test_a_checkout_that_never_learned_its_session_is_joined_by_the_success_url(
    local_service: Service, public_id: str
) -> None:
    keep_checkout(local_service.database_path, session_id=None)
    await local_service.deliver(event())

    shown = await read(local_service, public_id)

    assert (shown["checkout_id"], shown["session_id"]) == (CHECKOUT_ID, SESSION_ID)
    assert shown["status"] == "paid"


@pytest.mark.parametrize("session_id", [SESSION_ID, None])
async def test_a_retrys_spare_session_does_not_make_a_paid_checkout_expired(
    local_service: Service, session_id: str | None
) -> None:
    keep_checkout(local_service.database_path, session_id)
    await local_service.deliver(event(id="evt_1"))
    await local_service.deliver(event(EXPIRED, session(id="cs_test_spare"), id="evt_2"))

    shown = await read(local_service)

    assert (shown["session_id"], shown["status"]) == (SESSION_ID, "paid")


# --- what is not found


@pytest.mark.parametrize(
    "public_id",
    [
        CHECKOUT_ID,
        SESSION_ID,
        "x",
        "%20",
        "%00",
        "caf%C3%A9",
        "%FF%FE",
        "%F0%9F%92%B6",
        "..%2Fhealth",
        "chk_" + "0" * 10_000,
        "cs_" + "a" * 251,
        CHECKOUT_ID + "%0A",
        "' OR 1=1 --",
    ],
)
async def test_what_nobody_knows_is_not_found(local_service: Service, public_id: str) -> None:
    answer = await local_service.client.get(f"/checkout/{public_id}")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"
    assert public_id not in answer.text


@pytest.mark.parametrize("path", ["/checkout/", f"/checkout/{CHECKOUT_ID}/", "/checkout/a/b"])
async def test_an_address_beside_it_is_not_found(local_service: Service, path: str) -> None:
    keep_checkout(local_service.database_path)

    answer = await local_service.client.get(path)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_status_cannot_be_posted(local_service: Service) -> None:
    answer = await local_service.client.post(f"/checkout/{CHECKOUT_ID}")

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["allow"]


# --- asking again


async def test_what_is_known_already_is_not_sent_again(local_service: Service) -> None:
    keep_checkout(local_service.database_path)
    etag = (await local_service.client.get(f"/checkout/{CHECKOUT_ID}")).headers["etag"]

    answer = await ask_again(local_service, etag)

    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == etag
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("form", ['"other", {}', "W/{}", '{}, "other"', 'W/"other",W/{}', "*"])
async def test_every_form_of_if_none_match_is_understood(local_service: Service, form: str) -> None:
    keep_checkout(local_service.database_path)
    etag = (await local_service.client.get(f"/checkout/{CHECKOUT_ID}")).headers["etag"]

    answer = await ask_again(local_service, form.format(etag))

    assert answer.status_code == 304


@pytest.mark.parametrize("form", ["", '"other"', "{}x", "other", '"*"', ","])
async def test_another_tag_is_answered_whole(local_service: Service, form: str) -> None:
    keep_checkout(local_service.database_path)
    etag = (await local_service.client.get(f"/checkout/{CHECKOUT_ID}")).headers["etag"]

    answer = await ask_again(local_service, form.format(etag))

    assert answer.status_code == 200
    assert list(answer.json()) == KEYS


async def test_a_change_changes_the_tag(local_service: Service) -> None:
    keep_checkout(local_service.database_path)
    before = (await local_service.client.get(f"/checkout/{CHECKOUT_ID}")).headers["etag"]
    await local_service.deliver(event())

    answer = await ask_again(local_service, before)

    assert answer.status_code == 200
    assert answer.json()["status"] == "paid"
    assert answer.headers["etag"] != before


async def test_the_tag_is_a_strong_one_in_quotes(local_service: Service) -> None:
    keep_checkout(local_service.database_path)

    etag = (await local_service.client.get(f"/checkout/{CHECKOUT_ID}")).headers["etag"]

    assert etag.startswith('"')
    assert etag.endswith('"')


async def test_an_unknown_checkout_is_not_found_even_for_a_star(local_service: Service) -> None:
    answer = await ask_again(local_service, "*")

    assert answer.status_code == 404
