"""Events that were not processed, and replaying them."""

from pathlib import Path

import pytest

from tests.support.builders import SESSION_ID, event, query
from tests.support.console import console_shop, text_of
from tests.support.stripe_objects import charge

pytestmark = pytest.mark.anyio

UNREADABLE = event("charge.succeeded", charge(id=None), id="evt_bad")
WAITING = event("charge.succeeded", charge(id="ch_9", payment_intent="pi_9"), id="evt_waiting")


async def test_the_failed_events_are_listed_with_the_reason(database_path: Path) -> None:
    async with console_shop(database_path) as console:
        nothing = text_of(await console.operator.see("/console/events"))
        await console.shop.tell(event(), UNREADABLE, WAITING)
        failed = text_of(await console.operator.see("/console/events"))
        waiting = text_of(await console.operator.see("/console/events", state="waiting"))
        everything = text_of(await console.operator.see("/console/events", state="all"))

    assert "No event has failed." in nothing
    assert "charge.succeeded failed" in failed
    assert "evt_bad CannotFoldError: data.object" in failed
    assert "evt_waiting" not in failed
    assert "evt_waiting" in waiting
    assert "evt_bad" not in waiting
    assert all(id_ in everything for id_ in ("evt_1", "evt_bad", "evt_waiting"))


async def test_a_failed_event_is_replayed_once_its_cause_is_gone(database_path: Path) -> None:
    async with console_shop(database_path) as console:
        await console.shop.tell(event())
        query(database_path, "UPDATE events SET state = 'failed', reason = 'an old bug'")
        listed = text_of(await console.operator.see("/console/events"))
        after = text_of(await console.operator.press_and_follow("/console/events", "Replay"))

    assert "an old bug" in listed
    assert "The event was processed, and its order is up to date." in after
    assert "No event has failed." in after


async def test_an_event_that_fails_again_says_so(database_path: Path) -> None:
    async with console_shop(database_path) as console:
        await console.shop.tell(UNREADABLE)
        after = text_of(await console.operator.press_and_follow("/console/events", "Replay"))

    assert "The event was processed again, and failed again." in after
    assert "evt_bad CannotFoldError: data.object" in after


async def test_an_order_leads_to_its_event_and_a_replay_back_to_the_order(
    database_path: Path,
) -> None:
    async with console_shop(database_path) as console:
        await console.shop.tell(event(), WAITING)
        query(database_path, "UPDATE events SET state = 'failed', reason = 'x' WHERE id = 'evt_1'")
        after = await console.operator.press(f"/console/orders/{SESSION_ID}", "Replay")
        one = text_of(await console.operator.see("/console/events/evt_1"))
        back = text_of(await console.operator.press_and_follow("/console/events/evt_1", "Replay"))

    location = f"../../../console/orders/{SESSION_ID}?done=replayed_folded"
    assert (after.status_code, after.headers["Location"]) == (303, location)
    assert f"Orders that it concerns paid {SESSION_ID}" in one
    assert "delivered by Stripe" in one
    assert "Event checkout.session.completed" in back
    assert "its order is up to date" in back


@pytest.mark.parametrize("event_id", ["evt_unknown", "x", "evt_%00"])
async def test_an_unknown_event_is_a_page_that_says_so(database_path: Path, event_id: str) -> None:
    async with console_shop(database_path) as console:
        answer = await console.shop.service.client.get(f"/console/events/{event_id}")

    assert answer.status_code == 404
    assert "There is no event" in text_of(answer.text)


async def test_an_event_whose_body_was_deleted_cannot_be_replayed(database_path: Path) -> None:
    async with console_shop(database_path) as console:
        await console.shop.tell(event())
        page = await console.operator.see("/console/events/evt_1")
        query(database_path, "UPDATE events SET payload = NULL")
        pruned = text_of(await console.operator.see("/console/events/evt_1"))
        order = text_of(await console.operator.see(f"/console/orders/{SESSION_ID}"))
        token = page.partition('name="form_token" value="')[2].partition('"')[0]
        answer = await console.shop.service.client.post(
            "/console/events/evt_1/replay", data={"form_token": token}
        )

    assert "Body deleted" in pruned
    assert "Replay" not in pruned
    assert "The bodies of some events were deleted" in order
    assert answer.status_code == 404
    assert "its body is no longer kept" in text_of(answer.text)


async def test_many_failed_events_are_cut_and_told(database_path: Path) -> None:
    async with console_shop(database_path) as console:
        await console.shop.tell(
            *(event("charge.succeeded", charge(id=None), id=f"evt_{n}") for n in range(101))
        )
        shown = text_of(await console.operator.see("/console/events"))

    assert "These are the latest 100; there are more." in shown


async def test_all_that_are_listed_are_replayed_together(database_path: Path) -> None:
    async with console_shop(database_path) as console:
        await console.shop.tell(event(), UNREADABLE, WAITING)
        query(
            database_path,
            "UPDATE events SET state = 'failed', reason = 'an old bug' WHERE id <> 'evt_waiting'",
        )
        after = text_of(await console.operator.press_and_follow("/console/events", "Replay these"))
        waiting = await console.operator.see("/console/events", state="waiting")

    assert "2 events were processed again; 1 of them failed." in after
    assert "evt_bad CannotFoldError" in after
    assert "Replay these" not in waiting  # one alone has a button of its own
