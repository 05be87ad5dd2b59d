"""Computes a payment from its stored events, and compares it with the stored payment."""

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import reduce

from app.domain.fold.asking import Inquiry, Memory, Steps, Wanted
from app.domain.fold.joining import changed_renewals, whole
from app.domain.fold.outcome import Outcome
from app.domain.fold.records import Link, Payment
from app.domain.fold.untangle import follow, untangle
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.renewals import set_apart


class Verdict(StrEnum):
    """The result of comparing one payment."""

    SAME = "same"
    DIFFERENT = "different"
    PRUNED = "pruned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """One payment, as stored and as computed from its events.

    `pruned`: the payloads of some of its events were deleted, so it cannot be fully rebuilt; then
    the remaining ones must at least agree with the stored facts.
    """

    session_id: str
    kept: Payment | None
    facts: PaymentFacts
    missing_links: tuple[Link, ...]
    pruned_events: int

    @property
    def verdict(self) -> Verdict:
        """Return whether the stored payment equals the computed one."""
        if self.missing_links or self.kept is None:
            return Verdict.DIFFERENT
        if self.facts_to_keep != self.kept.facts:
            return Verdict.DIFFERENT
        return Verdict.PRUNED if self.pruned_events else Verdict.SAME

    @property
    def facts_to_keep(self) -> PaymentFacts:
        """Return the facts of its events, including those of events that were deleted."""
        if self.kept is None or not self.pruned_events:
            return self.facts
        return self.kept.facts.join(self.facts)


class Rebuild(Inquiry):
    """Rebuilds one session's payment. `is_to_change` locks it, so that it can be written."""

    def __init__(self, session_id: str, *, is_to_change: bool = False) -> None:
        self._session_id = session_id
        self._is_to_change = is_to_change
        self._renewals: dict[str, PaymentFacts] = {}
        memory = Memory()
        super().__init__(memory, self._rebuild(memory))

    def _rebuild(self, memory: Memory) -> Steps[None]:
        session_id = self._session_id
        locked = {session_id} if self._is_to_change else ()
        yield Wanted(ids=locked, around={session_id})
        own = yield from follow(memory, {session_id}, across=False)
        facts = reduce(
            PaymentFacts.join, (each.facts for each in own.evidence.values()), PaymentFacts()
        )
        object_ids = {id_ for each in own.evidence.values() for id_ in each.object_ids}
        kept = {Link(id_, other) for id_ in object_ids for other in memory.sessions_of.get(id_, ())}
        if any(link.session_id != session_id for link in kept):
            tangle = yield from follow(memory, {session_id})
            facts = untangle(tangle, {}).facts[session_id]
        found = yield Wanted(renewals_of={session_id})
        self._renewals = {each.invoice_id: each.facts for each in found.renewals}
        payment = memory.payments.get(session_id)
        self.rebuilt = Rebuilt(
            session_id=session_id,
            kept=replace(payment, facts=whole(payment, self._renewals)) if payment else None,
            facts=facts,
            missing_links=tuple(sorted({Link(id_, session_id) for id_ in object_ids} - kept)),
            pruned_events=len(own.pruned),
        )
        first, _ = set_apart(self.rebuilt.facts_to_keep)
        if named := memory.checkouts_to_ask({session_id: first}):
            yield Wanted(checkout_ids=named)

    def outcome(self, now_ms: int) -> Outcome:
        """Return what corrects the stored payment, when nothing more is wanted."""
        first, apart = set_apart(self.rebuilt.facts_to_keep)
        outcome = Outcome(
            renewals=changed_renewals(self._session_id, self._renewals, apart),
            links=list(self.rebuilt.missing_links),
        )
        outcome.add_payments({self._session_id: first}, self._memory, now_ms)
        outcome.add_notifications({self._session_id: ()}, self._memory, now_ms)
        return outcome
