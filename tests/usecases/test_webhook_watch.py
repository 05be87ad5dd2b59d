"""A shop whose webhooks are all refused is alerted: once, across restarts, until it is over."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.adapters.system import RandomCheckoutIds
from app.databases import AnyDatabase
from app.domain.errors import StorageUnavailableError
from app.usecases.ports import AlertName
from app.usecases.records import WebhookKind, WebhookSighting
from app.usecases.webhook_watch import (
    CHECKOUTS_MIN,
    JUDGE_EVERY_MS,
    MISMATCHES_MIN,
    NAMED_MAX,
    QUIET_MS,
    SESSION_ENDS_MS,
    WebhookWatch,
)
from tests.support.builders import SESSION_ID, FixedClock, SilentAlarm, query
from tests.support.recording import checkout, keep
from tests.support.shown_alerts import ShownAlerts

ALERT = AlertName.NOTHING_BUT_REFUSED_WEBHOOKS
ABOUT_US = f'{{"data": {{"object": {{"id": "{SESSION_ID}"}}}}}}'.encode()
TAKEN, REFUSED, IGNORED = WebhookKind.TAKEN, WebhookKind.REFUSED, WebhookKind.IGNORED
INVALID = "signature_invalid"
HOUR_MS = 60 * 60 * 1000


@dataclass
class Shop:
    database: AnyDatabase
    clock: FixedClock
    path: Path
    alarm: SilentAlarm = field(default_factory=SilentAlarm)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.watch = self.replica()

    def replica(self, show: ShownAlerts | None = None) -> WebhookWatch:
        return WebhookWatch(
            database=self.database,
            clock=self.clock,
            ids=RandomCheckoutIds(),
            alarm=self.alarm,
            all_clear=self.alarm.over,
            show=show or ShownAlerts(),
        )

    async def sell(self, *, session_id: str | None = SESSION_ID) -> None:
        self.clock.ms += 1
        await keep(self.database, checkout(session_id, id_=RandomCheckoutIds().new(self.clock.ms)))

    async def see(self, kind: WebhookKind, reason: str | None = None, body: bytes = b"") -> None:
        """A webhook, and the watch's next round."""
        self.clock.ms += 1
        self.watch.see(kind, reason, body)
        await self.watch()

    @property
    def told(self) -> list[AlertName]:
        return self.alarm.names

    def kept(self, kind: WebhookKind) -> dict[str, object] | None:
        rows = query(self.path, "SELECT * FROM webhook_sightings")
        return next((row for row in rows if row["kind"] == kind), None)


@pytest.fixture
async def shop(database: AnyDatabase, database_path: Path, clock: FixedClock) -> Shop:
    return Shop(database, clock, database_path)


# --- what is told


@pytest.mark.parametrize(
    ("kind", "reason", "hint"),
    [
        (REFUSED, INVALID, "STRIPE_WEBHOOK_SECRETS"),
        (IGNORED, "other_account", "ALTAN_STRIPE_CONNECT_ID"),
        (IGNORED, "other_mode", "STRIPE_LIVEMODE"),
    ],
)
async def test_one_refused_webhook_about_the_only_checkout_is_enough(
    shop: Shop, kind: WebhookKind, reason: str, hint: str
) -> None:
    await shop.sell()

    await shop.see(kind, reason, ABOUT_US)

    ((name, words),) = shop.alarm.told
    assert name is ALERT
    assert hint in words


async def test_the_checkouts_own_id_works_too(shop: Shop) -> None:
    await shop.sell(session_id=None)
    (row,) = query(shop.path, "SELECT id FROM checkouts")
    body = f'"success_url": "https://shop.test/?checkout_id={row["id"]}&x=1"'.encode()

    await shop.see(REFUSED, INVALID, body)

    assert shop.told == [ALERT]


async def test_it_alerts_once_in_each_episode(shop: Shop) -> None:
    await shop.sell()

    for _ in range(3):
        await shop.see(REFUSED, INVALID, ABOUT_US)
        shop.restart()
    assert (shop.told, shop.alarm.ended) == ([ALERT], [])

    await shop.see(TAKEN)
    await shop.see(TAKEN)
    assert (shop.told, shop.alarm.ended) == ([ALERT], [ALERT])

    shop.clock.ms += QUIET_MS
    await shop.see(REFUSED, INVALID, ABOUT_US)
    assert (shop.told, shop.alarm.ended) == ([ALERT, ALERT], [ALERT])


async def test_replicas_tell_it_once_and_any_of_them_ends_it(shop: Shop) -> None:
    await shop.sell()
    shown = [ShownAlerts() for _ in range(3)]
    others = [shop.replica(each) for each in shown]

    for replica in others:
        replica.see(REFUSED, INVALID, ABOUT_US)
        await replica()
    assert [each.active for each in shown] == [{ALERT}] * 3
    shop.clock.ms += JUDGE_EVERY_MS
    others[2].see(TAKEN)
    for replica in reversed(others):
        await replica()

    assert (shop.told, shop.alarm.ended) == ([ALERT], [ALERT])
    assert [each.active for each in shown] == [set()] * 3


async def test_a_restart_between_cause_and_alert_does_not_lose_it(shop: Shop) -> None:
    await shop.sell()
    await shop.see(TAKEN)
    await shop.see(REFUSED, INVALID, ABOUT_US)
    assert shop.told == []  # one was taken a moment ago

    shop.restart()
    shop.clock.ms += QUIET_MS
    await shop.watch()

    assert shop.told == [ALERT]


async def test_without_a_restart_it_is_judged_again_after_a_minute(shop: Shop) -> None:
    await shop.sell()
    await shop.see(TAKEN)
    shop.clock.ms += QUIET_MS - JUDGE_EVERY_MS
    await shop.see(REFUSED, INVALID, ABOUT_US)
    await shop.watch()
    assert shop.told == []

    shop.clock.ms += JUDGE_EVERY_MS
    await shop.watch()

    assert shop.told == [ALERT]


@pytest.mark.parametrize("a_day", [1, 3])
async def test_a_small_shop_is_alerted_after_a_day_without_usable_webhooks(
    shop: Shop, a_day: int
) -> None:
    """Refused before their bodies are read, for example: a session has ended within 24 hours."""
    for _ in range(a_day):
        await shop.sell(session_id=None)
    await shop.see(REFUSED, "signature_missing")
    assert shop.told == []

    shop.clock.ms += SESSION_ENDS_MS
    await shop.see(REFUSED, "signature_missing")

    assert shop.told == [ALERT]


async def test_many_of_another_secret_beside_several_checkouts_are_enough(shop: Shop) -> None:
    for _ in range(CHECKOUTS_MIN):
        await shop.sell(session_id=None)

    for _ in range(MISMATCHES_MIN - 1):
        await shop.see(REFUSED, INVALID)
    assert shop.told == []

    await shop.see(REFUSED, INVALID)
    assert shop.told == [ALERT]


# --- what is not


async def test_noise_without_a_checkout_raises_no_alert(shop: Shop) -> None:
    for _ in range(100):
        await shop.see(REFUSED, INVALID, ABOUT_US)
        await shop.see(REFUSED, "signature_missing")
        shop.clock.ms += HOUR_MS

    assert shop.told == []


async def test_noise_before_the_first_checkout_has_ended_raises_no_alert(shop: Shop) -> None:
    await shop.sell()

    for _ in range(100):
        await shop.see(REFUSED, INVALID, b'{"id": "evt_1", "object": {"id": "cs_somebody"}}')
        await shop.see(REFUSED, "signature_missing", b"<?php")

    assert shop.told == []


async def test_noise_among_accepted_webhooks_raises_no_alert(shop: Shop) -> None:
    for _ in range(50):
        await shop.sell(session_id=None)
        await shop.see(TAKEN)
        for _ in range(3):
            await shop.see(REFUSED, INVALID)
        shop.clock.ms += HOUR_MS

    assert shop.told == []
    refused = shop.kept(REFUSED)
    assert refused is not None
    assert refused["times"] == 3  # since the last one that was taken


async def test_other_accounts_events_are_not_reported(shop: Shop) -> None:
    """As an endpoint of a platform gets them all day."""
    await shop.sell()

    for _ in range(100):
        await shop.see(IGNORED, "other_account", b'{"object": {"id": "cs_of_another_shop"}}')

    assert shop.told == []


# --- what it costs


async def test_where_nothing_was_seen_nothing_is_written_or_read(shop: Shop) -> None:
    await shop.see(TAKEN)
    query(shop.path, "DROP TABLE webhook_sightings")

    await shop.watch()  # it would fail if it looked


async def test_a_flood_is_one_row_and_looks_up_no_more_than_some_ids(shop: Shop) -> None:
    body = b" ".join(b"cs_%d" % n for n in range(1000))
    for _ in range(1000):
        shop.watch.see(REFUSED, "signature_missing", body)

    assert len(shop.watch._named) <= 2 * NAMED_MAX  # noqa: SLF001 told nowhere else
    await shop.watch()
    assert len(query(shop.path, "SELECT * FROM webhook_sightings")) == 1


async def test_what_could_not_be_written_is_kept_for_the_next_time(shop: Shop) -> None:
    await shop.sell()
    query(shop.path, "ALTER TABLE webhook_sightings RENAME TO elsewhere")
    shop.watch.see(REFUSED, INVALID, ABOUT_US)
    with pytest.raises(StorageUnavailableError):
        await shop.watch()
    query(shop.path, "ALTER TABLE elsewhere RENAME TO webhook_sightings")

    shop.clock.ms += 1
    await shop.see(REFUSED, INVALID)

    assert shop.told == [ALERT]
    refused = shop.kept(REFUSED)
    assert refused is not None
    assert refused["times"] == 2


async def test_the_later_of_two_replicas_sightings_stays(shop: Shop) -> None:
    early, late = shop.replica(), shop.replica()
    early.see(IGNORED, "other_mode")
    shop.clock.ms += 5
    late.see(IGNORED, "other_account")
    await late()
    await early()

    kept = await shop.database.read(lambda transaction: transaction.webhook_sightings())

    assert list(kept) == [WebhookSighting(IGNORED, shop.clock.ms, "other_account", 2)]
