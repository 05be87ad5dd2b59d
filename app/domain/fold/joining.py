"""Joins the evidence of a fold to the facts of its payments."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import reduce

from app.domain.checkout.cart import Mode
from app.domain.fold.asking import Memory, Steps, Wanted
from app.domain.fold.reach import Reach
from app.domain.fold.readings import EventEvidence
from app.domain.fold.reasons import reason_of
from app.domain.fold.records import EventState, Payment, Renewal, Settled
from app.domain.fold.untangle import follow, untangle
from app.domain.notifications.notices import Notice, notices
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.renewals import ids_in, refunded_minor, set_apart

RenewalParts = defaultdict[str, dict[str, PaymentFacts]]
"""The facts of renewals, by session and invoice id."""


class Joining:
    """The result for a fold's payments and events.

    `changed` are the facts of new and changed payments, `new_notices` what follows from them to
    report. `reached` are the sessions of all payments that the events concern, changed or not.
    `refunded_minor` is by how much the refunds of their renewals changed.
    `failures` are events that could not be joined, and why; `settled` and `broken` are stored
    events that end in another state, the latter to be reported.
    """

    def __init__(self, memory: Memory, reach: Reach) -> None:
        self.changed: dict[str, PaymentFacts] = {}
        self.reached: set[str] = set()
        self.new_notices: dict[str, list[Notice]] = {}
        self.renewals: list[Renewal] = []
        self.refunded_minor: dict[str, int] = {}
        self.reached_ids: set[str] = set()
        self.failures: dict[str, str] = {}
        self.settled: list[Settled] = []
        self.broken: list[Settled] = []
        self._memory = memory
        self._reach = reach
        self._renewals: RenewalParts = defaultdict(dict)

    def join(self) -> Steps[None]:
        """Join all events that reached a payment."""
        by_session = self._items_by_session()
        yield from self._ask_for_renewals(by_session)
        wholes = {
            session_id: _join_all(self._kept(session_id), items, self.failures)
            for session_id, items in by_session.items()
        }
        if tangled := self._reach.tangled():
            yield from self._tell_apart(tangled, by_session, wholes)
        self._compare(wholes)
        self.reached = set(wholes)
        if named := self._memory.checkouts_to_ask(self.changed):
            yield Wanted(checkout_ids=named)

    def _items_by_session(self) -> Mapping[str, Sequence[EventEvidence]]:
        by_session: defaultdict[str, list[EventEvidence]] = defaultdict(list)
        for item in self._reach.items.values():
            sessions = self._reach.sessions_of(item)
            for session_id in sessions:
                by_session[session_id].append(item)
            if sessions:
                self.reached_ids.add(item.event_id)
        return by_session

    def _ask_for_renewals(self, by_session: Mapping[str, Sequence[EventEvidence]]) -> Steps[None]:
        """Return the renewals that the events may change."""
        object_ids = {
            session_id: {
                object_id
                for item in items
                for object_id in {*item.evidence.object_ids, *ids_in(item.evidence.facts)}
            }
            for session_id, items in by_session.items()
            if (payment := self._memory.payments.get(session_id))
            and payment.facts.mode is Mode.SUBSCRIPTION  # other payments have no renewals
        }
        if object_ids:
            self._take((yield Wanted(renewals=object_ids)).renewals)

    def _take(self, renewals: Collection[Renewal]) -> None:
        for renewal in renewals:
            self._renewals[renewal.session_id][renewal.invoice_id] = renewal.facts

    def _kept(self, session_id: str) -> PaymentFacts | None:
        """Return the stored facts, with those of the requested renewals."""
        payment = self._memory.payments.get(session_id)
        return whole(payment, self._renewals[session_id]) if payment else None

    def _tell_apart(
        self,
        tangled: set[str],
        by_session: Mapping[str, Sequence[EventEvidence]],
        wholes: dict[str, PaymentFacts],
    ) -> Steps[None]:
        """If an event concerns two payments, decide again which payment each event belongs to."""
        tangle = yield from follow(self._memory, tangled, by_session)
        self._take((yield Wanted(renewals_of=tangle.session_ids)).renewals)
        known = {id_: kept for id_ in tangle.session_ids if (kept := self._kept(id_))}
        told_apart = untangle(tangle, known)
        wholes |= told_apart.facts
        self.reached_ids -= tangle.evidence.keys() - told_apart.session_of.keys()
        for event_id, reason in told_apart.refused.items():
            if event_id in self._reach.items:
                self.failures[event_id] = reason
        for settled in told_apart.settled:
            was_failed = tangle.states[settled.event_id] is EventState.FAILED
            is_evidence = settled.state is EventState.FAILED and not was_failed
            (self.broken if is_evidence else self.settled).append(settled)

    def _compare(self, wholes: Mapping[str, PaymentFacts]) -> None:
        """Determine changed payments and their changed renewals."""
        for session_id, facts in wholes.items():
            first, apart = set_apart(facts)
            renewed = changed_renewals(session_id, self._renewals[session_id], apart)
            if renewed:
                self.renewals += renewed
                kept = self._renewals[session_id].values()
                self.refunded_minor[session_id] = refunded_minor(apart.values()) - refunded_minor(
                    kept
                )
            before = self._memory.payments.get(session_id)
            if before is None or renewed or before.facts != first:
                self.changed[session_id] = first
                self.new_notices[session_id] = notices(self._kept(session_id), facts)


def whole(payment: Payment, renewals: Mapping[str, PaymentFacts]) -> PaymentFacts:
    """Return a payment's facts, joined with those of its renewals."""
    return reduce(PaymentFacts.join, renewals.values(), payment.facts)


def changed_renewals(
    session_id: str, before: Mapping[str, PaymentFacts], after: Mapping[str, PaymentFacts]
) -> list[Renewal]:
    """Return a session's renewals to write; those without facts are deleted."""
    return [
        Renewal(
            session_id=session_id,
            invoice_id=invoice_id,
            facts=after.get(invoice_id, PaymentFacts()),
        )
        for invoice_id in sorted(before.keys() | after.keys())
        if before.get(invoice_id) != after.get(invoice_id)
    ]


def _join_all(
    known: PaymentFacts | None, items: Sequence[EventEvidence], failures: dict[str, str]
) -> PaymentFacts:
    """Join events to a payment's facts; an event that cannot be joined fails alone.

    The new facts are joined first, because the known ones may be large.
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
