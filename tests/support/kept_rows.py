"""What is kept, in memory: it answers a fold's questions, and takes what it finds out."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TypeVar

from app.domain.fold.asking import Inquiry, Surroundings, Wanted
from app.domain.fold.fold import Fold, FoldOfWakes
from app.domain.fold.outcome import Outcome
from app.domain.fold.readings import read_for_fold
from app.domain.fold.records import EventState, Link, Mention, Payment, Renewal, StoredEvent, Wake
from app.domain.payments.claims import SoldCheckout
from app.domain.payments.facts import PaymentFacts
from app.domain.stripe_events.event import read_event
from tests.support.builders import NOW_S, Document

AnyInquiry = TypeVar("AnyInquiry", bound=Inquiry)
NOW_MS = NOW_S * 1000


@dataclass(slots=True)
class KeptRows:
    """Tables as values. `asked` are all questions; the locks of `contended` ids are another's."""

    events: dict[str, StoredEvent] = field(default_factory=dict)
    mentions: set[Mention] = field(default_factory=set)
    links: set[Link] = field(default_factory=set)
    payments: dict[str, Payment] = field(default_factory=dict)
    renewals: dict[tuple[str, str], Renewal] = field(default_factory=dict)
    checkouts: list[SoldCheckout] = field(default_factory=list)
    wakes: dict[str, Wake] = field(default_factory=dict)
    contended: frozenset[str] = frozenset()
    asked: list[Wanted] = field(default_factory=list)

    def inform(self, inquiry: AnyInquiry) -> AnyInquiry:
        """Answer all that it wants to know."""
        while wanted := inquiry.wanted():
            self.asked.append(wanted)
            if not wanted.may_wait and self.contended.intersection(wanted.ids):
                inquiry.give_way()
            else:
                inquiry.learn(self.look_around(wanted))
        return inquiry

    def record(self, *documents: Document, wake_max: int = 100) -> Outcome:
        """Fold a batch of events as they come, keep them, and wake what is left."""
        read = {document["id"]: read_event(document) for document in documents}
        fold = self.inform(Fold([read_for_fold(each) for each in read.values()], wake_max=wake_max))
        outcome = fold.outcome(NOW_MS)
        for event_id, ended in outcome.ended.items():
            kept = StoredEvent(id=event_id, state=ended.state, event=read[event_id])
            self.events[event_id] = kept
        self.write(outcome)
        while self.wakes:
            waking = self.inform(FoldOfWakes(wake_max=max(wake_max, 1)))
            self.write(waking.outcome(NOW_MS))
        return outcome

    def look_around(self, wanted: Wanted) -> Surroundings:
        """What is kept of this."""
        links = [link for link in self.links if link.object_id in wanted.around]
        sessions = {*wanted.around, *(link.session_id for link in links)}
        payments = {id_: each for id_, each in self.payments.items() if id_ in sessions}
        named = {*wanted.checkout_ids, *(each.facts.checkout_id for each in payments.values())}
        return Surroundings(
            known_events=[
                id_
                for id_ in wanted.known
                if id_ in self.events and self.events[id_].state is not EventState.FAILED
            ],
            links=links,
            mentioned={each.object_id for each in self.mentions}.intersection(wanted.around),
            payments=payments,
            checkouts=[
                each for each in self.checkouts if each.session_id in sessions or each.id in named
            ],
            events=[self.events[id_] for id_ in self._event_ids(wanted) if id_ in self.events],
            wakes=[self.wakes[id_] for id_ in sorted(self.wakes)][: wanted.wakes_max],
            renewals=[each for each in self.renewals.values() if _is_wanted(each, wanted)],
        )

    def write(self, outcome: Outcome) -> None:
        """Take what a fold has found out."""
        self.mentions.update(outcome.mentions)
        self.links.update(outcome.links)
        self.payments.update({each.session_id: each for each in outcome.payments})
        for renewal in outcome.renewals:
            key = (renewal.session_id, renewal.invoice_id)
            self.renewals[key] = renewal
            if renewal.facts == PaymentFacts():
                del self.renewals[key]
        self._settle(dict.fromkeys(outcome.woken_ids, EventState.FOLDED))
        self._settle({each.event_id: each.state for each in outcome.settled})
        self.wakes |= {wake.object_id: wake for wake in outcome.wakes}
        for object_id in outcome.awake:
            del self.wakes[object_id]

    def _settle(self, states: dict[str, EventState]) -> None:
        for id_, state in states.items():
            self.events[id_] = StoredEvent(id=id_, state=state, event=self.events[id_].event)

    def _event_ids(self, wanted: Wanted) -> Collection[str]:
        ids = {each.event_id for each in self.mentions if each.object_id in wanted.mentioning}
        if wake := wanted.wake:
            ids = {id_ for object_id, id_ in self.mentions if object_id == wake.object_id}
            ids = {id_ for id_ in ids if id_ > wake.event_id}
        return sorted({*wanted.events, *ids})[: wanted.limit]


def _is_wanted(renewal: Renewal, wanted: Wanted) -> bool:
    # All of a session's renewals are more than those that an event concerns: never too few.
    return renewal.session_id in {*wanted.renewals, *wanted.renewals_of}
