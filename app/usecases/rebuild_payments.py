"""Computes every payment anew, from its kept events alone, and compares: are we still right?"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import reduce
from typing import Final

from app.domain.payments.facts import PaymentFacts
from app.domain.payments.renewals import set_apart
from app.domain.stripe_events.evidence import Evidence
from app.usecases.claims import is_mismatch
from app.usecases.ports import Clock
from app.usecases.record_events import read_for_fold
from app.usecases.records import Link, Payment, Renewal
from app.usecases.storage import Database, Transaction
from app.usecases.untangle import follow, untangle

PAGE: Final = 500


class Verdict(StrEnum):
    """What the comparison of one payment says."""

    SAME = "same"
    DIFFERENT = "different"
    PRUNED = "pruned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """One payment, as it is kept and as its events make it.

    `pruned`: some of its events have lost their payload to time, so it can no longer be rebuilt
    whole; then what is left must at least agree with what is kept.
    """

    session_id: str
    kept: Payment | None
    facts: PaymentFacts
    missing_links: tuple[Link, ...]
    pruned_events: int

    @property
    def verdict(self) -> Verdict:
        """Whether the kept payment is what its events prove."""
        if self.missing_links or self.kept is None:
            return Verdict.DIFFERENT
        expected = self.kept.facts.join(self.facts) if self.pruned_events else self.facts
        if expected != self.kept.facts:
            return Verdict.DIFFERENT
        return Verdict.PRUNED if self.pruned_events else Verdict.SAME


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildPayments:
    """Goes through all payments; each is compared within one moment's committed rows."""

    database: Database
    clock: Clock

    async def __call__(self, *, repair: bool = False) -> AsyncIterator[Rebuilt]:
        """Every payment, in the order of their ids. With `repair`, what differs is written.

        Raises:
            StorageUnavailableError: the database cannot be read, or not be written.
        """
        after = ""
        while page := await self._page(after):
            for session_id in page:
                yield await self._rebuild(session_id, repair=repair)
            after = page[-1]

    async def _rebuild(self, session_id: str, *, repair: bool) -> Rebuilt:
        async def compare(transaction: Transaction) -> Rebuilt:
            return await _compare(transaction, session_id)

        async def write(transaction: Transaction) -> None:
            await transaction.lock([session_id])
            await transaction.payments([session_id])  # so that none of its events is folded now
            rebuilt = await _compare(transaction, session_id)  # anew: it may have changed since
            if rebuilt.verdict is Verdict.DIFFERENT:
                await _save(transaction, await self._repaired(transaction, rebuilt))
                await transaction.link(rebuilt.missing_links)
                await transaction.commit()

        rebuilt = await self.database.read(compare)
        if repair and rebuilt.verdict is Verdict.DIFFERENT:
            await self.database.write(write)
        return rebuilt

    async def _repaired(self, transaction: Transaction, rebuilt: Rebuilt) -> Payment:
        kept, session_id = rebuilt.kept, rebuilt.session_id
        whole = kept is None or not rebuilt.pruned_events
        facts = rebuilt.facts if kept is None or whole else kept.facts.join(rebuilt.facts)
        sold = await transaction.sold_checkouts({session_id: facts.checkout_id})
        return Payment(
            session_id=session_id,
            facts=facts,
            updated_at_ms=self.clock.now_ms(),
            version=kept.version + 1 if kept else 1,
            price_mismatch=is_mismatch(session_id, facts, sold.get(session_id)),
        )

    async def _page(self, after: str) -> Sequence[str]:
        return await self.database.read(
            lambda transaction: transaction.session_ids(after=after, limit=PAGE)
        )


async def _compare(transaction: Transaction, session_id: str) -> Rebuilt:
    evidence, pruned_events = await _reached(transaction, session_id)
    object_ids = {object_id for item in evidence for object_id in item.object_ids}
    links = {Link(object_id, session_id) for object_id in object_ids}
    kept_links = set(await transaction.links(object_ids))
    facts = reduce(PaymentFacts.join, (item.facts for item in evidence), PaymentFacts())
    if any(link.session_id != session_id for link in kept_links):
        tangle = await follow(transaction, [session_id])
        facts = untangle(tangle, {}).facts[session_id]
    return Rebuilt(
        session_id=session_id,
        kept=await whole_payment(transaction, session_id),
        facts=facts,
        missing_links=tuple(sorted(links - kept_links)),
        pruned_events=pruned_events,
    )


async def whole_payment(transaction: Transaction, session_id: str) -> Payment | None:
    """A payment as it is kept, its facts together with those of its renewals."""
    payment = (await transaction.payments([session_id])).get(session_id)
    if payment is None:
        return None
    renewals = await transaction.all_renewals(session_id)
    parts = [payment.facts, *(renewal.facts for renewal in renewals)]
    return replace(payment, facts=reduce(PaymentFacts.join, parts))


async def _save(transaction: Transaction, payment: Payment) -> None:
    first, renewals = set_apart(payment.facts)
    kept = await transaction.all_renewals(payment.session_id)
    parts = {renewal.invoice_id: PaymentFacts() for renewal in kept} | renewals
    await transaction.save_renewals(
        [
            Renewal(session_id=payment.session_id, invoice_id=invoice_id, facts=facts)
            for invoice_id, facts in parts.items()
        ]
    )
    await transaction.save_payments([replace(payment, facts=first)])


async def _reached(transaction: Transaction, session_id: str) -> tuple[list[Evidence], int]:
    """The evidence of all events that concern a payment, and how many can no longer be read.

    Followed from its session outwards, link by link, as the fold does.
    """
    evidence: dict[str, Evidence] = {}
    pruned: set[str] = set()
    asked: set[str] = set()
    asking = {session_id}
    while asking:
        asked |= asking
        found: set[str] = set()
        for stored in await transaction.events_mentioning(asking):
            reading = read_for_fold(stored.event) if stored.event else None
            if reading is None:
                pruned.add(stored.id)
            elif reading.evidence and stored.id not in evidence:
                evidence[stored.id] = reading.evidence
                found.update(reading.evidence.object_ids)
        asking = found - asked
    return list(evidence.values()), len(pruned)
