"""The fold: a batch of evidence finds its payments, and joins what it proves to their facts.

A session's event names its payment, and links the ids that it mentions to it. Any other event
concerns every payment to which one of its ids is linked, and links its other ids to them in turn;
while none is, it waits. How that spreads stands in `reach`. What is reached does not depend on the
order in which events come, and joining does not either.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

from app.domain.checkout.cart import Mode
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.renewals import ids_in, set_apart
from app.usecases.claims import is_foreign, is_mismatch
from app.usecases.flag_texts import PRICE_HINT
from app.usecases.ports import Alarm, AlertName
from app.usecases.reach import EventEvidence, Reach, Waking
from app.usecases.reasons import reason_of
from app.usecases.records import EventState, Link, Payment, Renewal, Settled
from app.usecases.storage import Transaction
from app.usecases.untangle import follow, untangle


@dataclass(slots=True)
class Folded:
    """What a fold has found out, and has not written yet."""

    changed: list[Payment] = field(default_factory=list)
    renewals: list[Renewal] = field(default_factory=list)
    new_links: list[Link] = field(default_factory=list)
    woken_ids: list[str] = field(default_factory=list)
    broken: list[Settled] = field(default_factory=list)
    resettled: list[Settled] = field(default_factory=list)
    reached_ids: set[str] = field(default_factory=set)
    failures: dict[str, str] = field(default_factory=dict)
    mismatched: list[str] = field(default_factory=list)
    contradicted: list[str] = field(default_factory=list)
    waking: Waking = field(default_factory=Waking)
    foreign: list[str] = field(default_factory=list)

    def tell(self, alarm: Alarm) -> None:
        """What the owner must know of these payments; to be said once it is on disk."""
        for woken in self.broken:
            alarm(AlertName.EVENT_FOLD_FAILED, f"{woken.event_id}: {woken.reason}")
        for session_id in self.mismatched:
            words = f"{session_id} differs from the catalogue: {PRICE_HINT}"
            alarm(AlertName.PRICE_MISMATCH, words)
        for session_id in self.foreign:
            words = f"{session_id} names a checkout that it was not made for: it stays as it is"
            alarm(AlertName.CHECKOUT_CLAIM_REFUSED, words)
        for session_id in self.contradicted:
            alarm(AlertName.PAYMENT_CONTRADICTED, f"{session_id}: see events list --payment")

    async def save(self, transaction: Transaction) -> None:
        """Write payments and links, that the woken events wait no longer, and what is left."""
        if self.renewals:
            await transaction.save_renewals(self.renewals)
        await transaction.save_payments(self.changed)
        await transaction.link(self.new_links)
        await transaction.wake(self.woken_ids)
        if self.broken or self.resettled:
            await transaction.settle([*self.broken, *self.resettled])
        await self.waking.save(transaction)


async def fold(
    transaction: Transaction,
    items: Sequence[EventEvidence],
    now_ms: int,
    waking: Waking | None = None,
) -> Folded:
    """Fold the evidence of a batch. Their ids must be locked already; the woken events' are here.

    `waking` says how much may be woken, and learns what is left; none bounds it as usual.
    """
    folded = Folded(waking=waking or Waking())
    if items or folded.waking.stored:
        reach = Reach()
        await reach.spread(transaction, items, folded.waking)
        folded.new_links = sorted(reach.new_links)
        await _join(transaction, reach, folded, now_ms)
    return folded


async def _join(transaction: Transaction, reach: Reach, folded: Folded, now_ms: int) -> None:
    by_session: defaultdict[str, list[EventEvidence]] = defaultdict(list)
    for item in reach.items.values():
        sessions = reach.sessions_of(item)
        for session_id in sessions:
            by_session[session_id].append(item)
        if sessions:
            folded.reached_ids.add(item.event_id)
    before = dict(await transaction.payments(by_session.keys()))
    renewals = await _renewals_concerned(transaction, by_session, before)
    wholes: dict[str, PaymentFacts] = {}
    for session_id, items in by_session.items():
        known = before.get(session_id)
        kept = _whole(known, renewals[session_id]) if known else None
        wholes[session_id] = _join_all(kept, items, folded.failures)
    if tangled := reach.tangled():
        await _tell_apart(
            transaction,
            reach,
            tangled,
            before=before,
            renewals=renewals,
            facts=wholes,
            folded=folded,
        )
    facts: dict[str, PaymentFacts] = {}
    for session_id, whole in wholes.items():
        facts[session_id], apart = set_apart(whole)
        folded.renewals += _changed(session_id, renewals[session_id], apart)
    for event_id in sorted(reach.woken.keys() & folded.reached_ids):
        if reach.woken[event_id] is not EventState.WAITING:
            continue
        if reason := folded.failures.get(event_id):
            failed = Settled(event_id=event_id, state=EventState.FAILED, reason=reason)
            folded.broken.append(failed)
        else:
            folded.woken_ids.append(event_id)
    await _compare(transaction, before, facts, folded, now_ms)


async def _renewals_concerned(
    transaction: Transaction,
    by_session: Mapping[str, Sequence[EventEvidence]],
    before: Mapping[str, Payment],
) -> defaultdict[str, dict[str, PaymentFacts]]:
    """The renewals that the events may change, by session and invoice id."""
    object_ids = {
        session_id: {
            object_id
            for item in by_session[session_id]
            for object_id in {*item.evidence.object_ids, *ids_in(item.evidence.facts)}
        }
        for session_id, payment in before.items()
        if payment.facts.mode is Mode.SUBSCRIPTION  # of others nothing is ever set apart
    }
    found: defaultdict[str, dict[str, PaymentFacts]] = defaultdict(dict)
    for renewal in await transaction.renewals(object_ids) if object_ids else ():
        found[renewal.session_id][renewal.invoice_id] = renewal.facts
    return found


def _changed(
    session_id: str, before: Mapping[str, PaymentFacts], after: Mapping[str, PaymentFacts]
) -> list[Renewal]:
    return [
        Renewal(
            session_id=session_id,
            invoice_id=invoice_id,
            facts=after.get(invoice_id, PaymentFacts()),
        )
        for invoice_id in sorted(before.keys() | after.keys())
        if before.get(invoice_id) != after.get(invoice_id)
    ]


def _whole(payment: Payment, renewals: Mapping[str, PaymentFacts]) -> PaymentFacts:
    return reduce(PaymentFacts.join, renewals.values(), payment.facts)


async def _tell_apart(  # noqa: PLR0913 what a fold has found out so far
    transaction: Transaction,
    reach: Reach,
    tangled: set[str],
    *,
    before: dict[str, Payment],
    renewals: defaultdict[str, dict[str, PaymentFacts]],
    facts: dict[str, PaymentFacts],
    folded: Folded,
) -> None:
    """Where an event concerns two payments, decide again which one each event belongs to."""
    items = [item for item in reach.items.values() if tangled & set(reach.sessions_of(item))]
    tangle = await follow(transaction, tangled, items)
    before |= await transaction.payments(tangle.session_ids)
    for session_id in tangle.session_ids:
        for renewal in await transaction.all_renewals(session_id):
            renewals[session_id][renewal.invoice_id] = renewal.facts
    known = {
        session_id: _whole(payment, renewals[session_id]) for session_id, payment in before.items()
    }
    told_apart = untangle(tangle, known)
    facts |= told_apart.facts
    for item in items:
        if item.event_id not in told_apart.session_of:
            folded.reached_ids.discard(item.event_id)
    for event_id, reason in told_apart.refused.items():
        if event_id in reach.items:
            folded.failures[event_id] = reason
    for settled in told_apart.settled:
        was_failed = tangle.states[settled.event_id] is EventState.FAILED
        is_evidence = settled.state is EventState.FAILED and not was_failed
        (folded.broken if is_evidence else folded.resettled).append(settled)


def _join_all(
    known: PaymentFacts | None, items: Sequence[EventEvidence], failures: dict[str, str]
) -> PaymentFacts:
    """One payment's facts with all that these events prove; one that breaks this fails alone.

    What is new is joined first, for what is known may be large.
    """
    try:
        new = reduce(PaymentFacts.join, (item.evidence.facts for item in items))
        return known.join(new) if known else new
    except Exception:  # noqa: BLE001 which of them it was is found out below
        joined = known or PaymentFacts()
    for item in items:
        try:
            joined = joined.join(item.evidence.facts)
        except Exception as error:  # noqa: BLE001 one event's failure is not its neighbours'
            failures[item.event_id] = reason_of(error)
    return joined


async def _compare(
    transaction: Transaction,
    before: Mapping[str, Payment],
    facts: Mapping[str, PaymentFacts],
    folded: Folded,
    now_ms: int,
) -> None:
    """Which payments have changed, and what the owner must know of them."""
    renewed = {renewal.session_id for renewal in folded.renewals}
    changed = {
        session_id: joined
        for session_id, joined in facts.items()
        if session_id not in before or session_id in renewed or before[session_id].facts != joined
    }
    sold = (
        await transaction.sold_checkouts(
            {session_id: joined.checkout_id for session_id, joined in changed.items()}
        )
        if changed
        else {}
    )
    for session_id, joined in changed.items():
        old = before.get(session_id)
        payment = Payment(
            session_id=session_id,
            facts=joined,
            updated_at_ms=now_ms,
            version=old.version + 1 if old else 1,
            price_mismatch=is_mismatch(session_id, joined, sold.get(session_id)),
            before=old.facts if old else None,
        )
        folded.changed.append(payment)
        if payment.price_mismatch and not (old and old.price_mismatch):
            folded.mismatched.append(session_id)
        if not (old and old.facts.checkout_id) and is_foreign(joined, sold.get(session_id)):
            folded.foreign.append(session_id)
        if joined.contradicted and not (old and old.facts.contradicted):
            folded.contradicted.append(session_id)
