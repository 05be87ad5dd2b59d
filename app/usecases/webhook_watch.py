"""Detects that checkouts start, but every webhook is refused.

In a shop with three checkouts a day, a wrong webhook secret or account is easy to miss. The
outcomes of webhooks are stored, so that they are known across restarts and replicas. They are
written every few seconds at most, and never while Stripe waits for an answer.
"""

import asyncio
import contextlib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from app.domain.errors import StorageUnavailableError
from app.domain.ids import CHECKOUT_ID
from app.usecases.ports import Alarm, AlertName, AllClear, CheckoutIds, Clock, ShowAlert
from app.usecases.records import WebhookKind, WebhookSighting
from app.usecases.webhook_ledger import WebhookDatabase, WebhookLedger

EVERY_S: Final = 5.0
QUIET_MS: Final = 10 * 60 * 1000  # since the last accepted one; one bad endpoint of two is not all
# A session ends within 24 hours (Stripe: checkout/sessions/create, expires_at), and sends an event.
SESSION_ENDS_MS: Final = 25 * 60 * 60 * 1000
MISMATCHES_MIN: Final = 10  # together with this many checkouts, for any webhooks
CHECKOUTS_MIN: Final = 3
JUDGE_EVERY_MS: Final = 60 * 1000
NAMED_MAX: Final = 20  # ids to look up at once, so that a flood of forgeries costs no more
SEARCHED_BYTES: Final = 64 * 1024

_OUR_ID: Final = re.compile(rb"\b(?:cs_[A-Za-z0-9_]{1,250}|chk_[0-9a-v]{36})\b")
_NOT_TAKEN: Final = (WebhookKind.REFUSED, WebhookKind.IGNORED)
_MISMATCH: Final = "signature_invalid"

_HINTS: Final[Mapping[str | None, str]] = {
    "signature_invalid": "check STRIPE_WEBHOOK_SECRETS against the endpoint in Stripe's dashboard",
    "other_account": "check ALTAN_STRIPE_CONNECT_ID, and of which account the endpoint is",
    "other_mode": "check STRIPE_LIVEMODE, and whether the endpoint is a test one",
}

Sightings = Mapping[WebhookKind, WebhookSighting]


@dataclass(slots=True, kw_only=True)
class WebhookWatch:
    """Sees each webhook; alerts the owner if none gets through, and when one does again."""

    database: WebhookDatabase
    clock: Clock
    ids: CheckoutIds
    alarm: Alarm
    all_clear: AllClear
    show: ShowAlert
    every_s: float = EVERY_S
    _seen: dict[WebhookKind, WebhookSighting] = field(default_factory=dict)
    _named: set[str] = field(default_factory=set)
    _taken: int = 0  # those that `_seen` does not count yet, and when the last one came
    _taken_at_ms: int = 0
    _judge_again_at_ms: float = 0.0  # a restart may have come between the cause and the alert

    def see(self, kind: WebhookKind, reason: str | None = None, body: bytes = b"") -> None:
        """Take note of a webhook; of one not taken, `body` tells whether it is about us."""
        now_ms = self.clock.now_ms()
        if kind is WebhookKind.TAKEN:  # thousands a second, so they are only counted here
            self._taken, self._taken_at_ms = self._taken + 1, now_ms
            return
        self._see_the_taken()
        # Of refused ones only those are counted that Stripe may have signed: with another secret.
        times = int(kind is not WebhookKind.REFUSED or reason == _MISMATCH)
        sighting = WebhookSighting(kind, now_ms, reason, times)
        self._seen = _added(self._seen, [sighting])
        if body and len(self._named) < NAMED_MAX:
            found = _OUR_ID.findall(body, 0, SEARCHED_BYTES)
            self._named.update(each.decode() for each in found[:NAMED_MAX])

    def _see_the_taken(self) -> None:
        if self._taken:
            sighting = WebhookSighting(
                WebhookKind.TAKEN, self._taken_at_ms, reason=None, times=self._taken
            )
            self._seen, self._taken = _added(self._seen, [sighting]), 0

    async def run(self) -> None:
        """Keep what was seen, for as long as the service is up."""
        while True:
            with contextlib.suppress(StorageUnavailableError):  # already reported
                await self()
            await asyncio.sleep(self.every_s)

    async def __call__(self) -> None:
        """Write down what was seen since, and judge; where nothing was seen nothing is written.

        Raises:
            StorageUnavailableError: it is kept for the next time.
        """
        self._see_the_taken()
        if not self._seen and self.clock.now_ms() < self._judge_again_at_ms:
            return
        seen, self._seen = self._seen, {}
        named, self._named = self._named, set()
        try:
            before, after = await self._keep(seen, is_about_us=await self._are_ours(named))
        except StorageUnavailableError:
            self._seen = _added(seen, self._seen.values())
            self._named |= named
            raise
        self._alert(before, after)

    async def _are_ours(self, named: set[str]) -> bool:
        """Return whether one of these ids, which may be forged, is one of our checkouts."""
        for each in sorted(named):
            find = (
                self.database.find_checkout
                if CHECKOUT_ID.fullmatch(each)
                else self.database.find_checkout_of_session
            )
            if await find(each):
                return True
        return False

    async def _keep(
        self, seen: dict[WebhookKind, WebhookSighting], *, is_about_us: bool
    ) -> tuple[Sightings, Sightings]:
        """The sightings on disk, before and after."""
        now_ms = self.clock.now_ms()
        new = list(seen.values())
        if is_about_us:
            new.append(WebhookSighting(WebhookKind.UNHEARD, now_ms, _last_reason(seen), 1))

        async def keep(transaction: WebhookLedger) -> tuple[Sightings, Sightings]:
            before = {each.kind: each for each in await transaction.webhook_sightings()}
            after = _added(before, new)
            if await self._must_alert(after, now_ms, transaction):
                after[WebhookKind.TOLD] = WebhookSighting(WebhookKind.TOLD, now_ms, None, 1)
            if after != before:
                await transaction.see_webhooks(after.values())
            await transaction.commit()
            return before, after

        before, after = await self.database.write(keep)
        is_over = _last_not_taken_ms(after) <= _at_ms(after, WebhookKind.TAKEN)
        self._judge_again_at_ms = math.inf if is_over else now_ms + JUDGE_EVERY_MS
        return before, after

    async def _must_alert(self, kept: Sightings, now_ms: int, transaction: WebhookLedger) -> bool:
        taken_ms = _at_ms(kept, WebhookKind.TAKEN)
        if (
            _at_ms(kept, WebhookKind.TOLD) > taken_ms
            or now_ms - taken_ms < QUIET_MS
            or _last_not_taken_ms(kept) <= taken_ms
        ):
            return False
        if _at_ms(kept, WebhookKind.UNHEARD) > taken_ms:
            return True
        until_ms, checkouts_min = now_ms - SESSION_ENDS_MS, 1
        refused = kept.get(WebhookKind.REFUSED)
        if refused and refused.at_ms > taken_ms and refused.times >= MISMATCHES_MIN:
            until_ms, checkouts_min = now_ms, CHECKOUTS_MIN
        first_id, last_id = self.ids.new(taken_ms), self.ids.new(max(until_ms, 0))
        started = await transaction.checkouts_between(first_id, last_id, limit=checkouts_min)
        return started >= checkouts_min

    def _alert(self, before: Sightings, after: Sightings) -> None:
        is_active = _at_ms(after, WebhookKind.TOLD) > _at_ms(after, WebhookKind.TAKEN)
        self.show(AlertName.NOTHING_BUT_REFUSED_WEBHOOKS, is_active=is_active)
        told_ms = _at_ms(before, WebhookKind.TOLD)
        if after.get(WebhookKind.TOLD) != before.get(WebhookKind.TOLD):
            reason = _last_reason(after)
            self.alarm(
                AlertName.NOTHING_BUT_REFUSED_WEBHOOKS,
                f"checkouts start, but no webhook is taken; the last one ended as {reason}: "
                f"{_HINTS.get(reason, 'the log says why')}",
            )
        elif _at_ms(before, WebhookKind.TAKEN) < told_ms <= _at_ms(after, WebhookKind.TAKEN):
            self.all_clear(AlertName.NOTHING_BUT_REFUSED_WEBHOOKS, "webhooks are taken again")


def _added(kept: Sightings, new: Iterable[WebhookSighting]) -> dict[WebhookKind, WebhookSighting]:
    """The later one of each kind; its `times` are those since the last one that was taken."""
    added = dict(kept)
    taken_ms = _at_ms(kept, WebhookKind.TAKEN)
    for each in new:
        former = added.get(each.kind)
        if former and former.at_ms > each.at_ms:
            added[each.kind] = replace(former, times=former.times + each.times)
        elif former and (former.at_ms > taken_ms or each.kind is WebhookKind.TAKEN):
            added[each.kind] = replace(each, times=former.times + each.times)
        else:
            added[each.kind] = each
    return added


def _at_ms(kept: Sightings, kind: WebhookKind) -> int:
    return kept[kind].at_ms if kind in kept else 0


def _last_not_taken_ms(kept: Sightings) -> int:
    return max(_at_ms(kept, kind) for kind in _NOT_TAKEN)


def _last_reason(kept: Sightings) -> str | None:
    last = max(
        (kept[kind] for kind in _NOT_TAKEN if kind in kept),
        key=lambda each: each.at_ms,
        default=None,
    )
    return last.reason if last else None
