"""Notifications that wait or failed, and the receiver's state."""

from pathlib import Path

import pytest

from tests.support.builders import SESSION_ID, Document, event, query, session
from tests.support.console import console_shop, text_of

pytestmark = pytest.mark.anyio

PATH = "/console/notifications"
NOWHERE: Document = {
    "notify_url": "http://127.0.0.1:9/secret-path",
    "notify_secrets": ["whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"],
    "notify_foreign": True,
}


async def test_without_a_receiver_the_page_says_where_notifications_are(
    database_path: Path,
) -> None:
    async with console_shop(database_path) as console:
        await console.shop.tell(event())
        html = await console.operator.see(PATH, state="all")

    assert "NOTIFY_URL is not set, so nothing is posted." in text_of(html)
    assert "order.paid only in the feed" in text_of(html)
    assert "Send" not in text_of(html)


async def test_sending_is_paused_and_resumed(database_path: Path) -> None:
    async with console_shop(database_path, **NOWHERE) as console:
        before = text_of(await console.operator.see(PATH))
        paused = text_of(await console.operator.press_and_follow(PATH, "Pause sending"))
        await console.shop.tell(event())
        waiting = text_of(await console.operator.see(PATH, state="waiting"))
        first = text_of(await console.operator.see(PATH))
        health = text_of(await console.operator.see("/console/health"))
        resumed = text_of(await console.operator.press_and_follow(PATH, "Resume sending"))

    assert "Posted to 127.0.0.1 ." in before
    assert "secret-path" not in before
    assert "Sending is paused." in paused
    assert "an operator paused it" in paused
    assert f"order.paid waiting {SESSION_ID}" in waiting
    assert f"order.paid waiting {SESSION_ID}" in first
    assert "No try yet." in waiting
    assert "Sending paused since" in health
    assert "Waiting 1, the oldest since" in health
    assert "Sending goes on." in resumed
    assert "Pause sending" in resumed


async def test_a_failed_notification_is_listed_with_its_tries_and_sent_again(
    database_path: Path,
) -> None:
    async with console_shop(database_path, **NOWHERE) as console:
        await console.operator.press(PATH, "Pause sending")
        await console.shop.tell(event())
        (row,) = query(database_path, "SELECT id FROM notifications")
        query(
            database_path,
            "UPDATE notifications SET delivery = 'failed', due_at_ms = NULL, attempts = 11",
        )
        query(
            database_path,
            "INSERT INTO notification_tries (notification_id, at_ms, duration_ms, http_status,"
            " problem, result) VALUES (?, 1760000000000, 15000, NULL, 'did not answer in time',"
            " 'failed')",
            row["id"],
        )
        await console.shop.tell(
            event(id="evt_2", subject=session(id="cs_test_b2", payment_intent=None))
        )
        failed = text_of(await console.operator.see(PATH))
        health = text_of(await console.operator.see("/console/health"))
        resent = text_of(await console.operator.press_and_follow(PATH, "Send again"))
        waiting = text_of(await console.operator.see(PATH, state="waiting"))

    assert "1 waiting, 1 failed." in failed
    assert "cs_test_b2" not in failed
    assert "did not answer in time, 15000 ms; gave up" in failed
    assert "Failed 1" in health
    assert "The notification is due now" in resent
    assert "No notification has failed." in resent
    assert row["id"] in waiting


async def test_an_unknown_notification_is_a_page_that_says_so(database_path: Path) -> None:
    async with console_shop(database_path, **NOWHERE) as console:
        token = (await console.operator.see(PATH)).partition('name="form_token" value="')[2]
        answers = [
            await console.shop.service.client.post(
                f"{PATH}/{id_}/resend", data={"form_token": token.partition('"')[0]}
            )
            for id_ in ("x", f"msg_{'0' * 26}")
        ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert "There is no notification with that id." in text_of(answers[0].text)


async def test_pages_follow_each_other(database_path: Path) -> None:
    async with console_shop(database_path) as console:
        await console.shop.tell(
            *(
                event(id=f"evt_{n}", subject=session(id=f"cs_test_{n:02}", payment_intent=None))
                for n in range(51)
            )
        )
        first = await console.operator.see(PATH, state="all")
        older = first.partition(">Older<")[0].rpartition('href="../console')[2].rstrip('"')
        second = await console.operator.see(f"/console{older.replace('&amp;', '&')}")

    assert "cs_test_50" in first
    assert "cs_test_00" not in first
    assert "cs_test_00" in second
    assert "cs_test_01" not in second
    assert "Older" not in second
