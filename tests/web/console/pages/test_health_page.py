"""Health, and checking Stripe now."""

from pathlib import Path

import pytest

from tests.support.builders import event, query
from tests.support.console import console_shop, form_named, text_of
from tests.support.stripe_api_calls import KEY, says_json
from tests.support.stripe_objects import charge
from tests.support.wire import upstream

pytestmark = pytest.mark.anyio

PATH = "/console/health"
NOTHING = says_json({"object": "list", "data": [], "has_more": False})
FOUND = says_json({"object": "list", "data": [event()], "has_more": False})


async def test_the_parts_and_the_settings_are_shown(
    database_path: Path, database_kind: str
) -> None:
    async with console_shop(database_path, stripe_livemode=True) as console:
        await console.shop.tell(event("charge.succeeded", charge(id=None), livemode=True))
        shown = text_of(await console.operator.see(PATH))

    kind = {"sqlite": "SQLite", "postgres": "PostgreSQL"}[database_kind]
    assert "Database works" in shown
    assert f", on {kind}" in shown
    assert "Events that count live mode" in shown
    assert "Failed events 1" in shown
    assert "STRIPE_API_KEY is not set" in shown
    assert "Receiver none (NOTIFY_URL is not set)" in shown


async def test_stripe_is_checked_now(database_path: Path) -> None:
    async with upstream(FOUND, NOTHING) as stripe:
        keyed = {
            "stripe_api_key": KEY,
            "stripe_api_url": stripe.url,
            "reconcile_every_s": "off",
        }
        async with console_shop(database_path, **keyed) as console:
            before = text_of(await console.operator.see(PATH))
            after = text_of(await console.operator.press_and_follow(PATH, "Check Stripe now"))
            order = text_of(await console.operator.see("/console/orders/cs_test_a1"))

    assert "Stripe was last checked not yet" in before
    assert "only on request (RECONCILE_EVERY_S=off)" in before
    assert "1 events and objects looked at, 1 of them new, 1 orders changed, 0 could" in after
    assert "found by reconciliation" in order


async def test_without_a_key_stripe_is_not_checked(database_path: Path) -> None:
    async with console_shop(database_path) as console:
        form = form_named(await console.operator.see(PATH), "Sign out")
        answer = await console.shop.service.client.post("/console/reconcile", data=form.fields)

    assert answer.status_code == 404
    assert "STRIPE_API_KEY is not set" in text_of(answer.text)


@pytest.mark.parametrize("done", ["checked", "nothing", "<script>"])
async def test_an_address_that_we_did_not_make_tells_nothing(
    database_path: Path, done: str
) -> None:
    async with console_shop(database_path) as console:
        html = await console.operator.see(PATH, done=done, seen="<b>")

    assert 'role="status"' not in html


async def test_health_is_shown_while_the_database_fails(database_path: Path) -> None:
    async with console_shop(database_path) as console:
        query(database_path, "ALTER TABLE webhook_sightings RENAME TO away")
        try:
            shown = text_of(await console.operator.see(PATH))
        finally:
            query(database_path, "ALTER TABLE away RENAME TO webhook_sightings")

    assert "Database works" in shown
    assert "The database cannot be read" in shown
