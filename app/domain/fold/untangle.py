"""Payments that events have joined: told apart again, from all that is kept of them.

Links only grow, and lead to whatever may concern a payment. Where they lead an event to two
payments, `kinship` decides whose each event is, and the payments' facts are made of those alone.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from app.domain.fold.asking import Memory, Steps, Wanted
from app.domain.fold.readings import EventEvidence, read_for_fold
from app.domain.fold.records import EventState, Settled, StoredEvent
from app.domain.payments.facts import PaymentFacts
from app.domain.stripe_events.evidence import Evidence
from app.domain.stripe_events.kinship import Kinship, kinship


@dataclass(slots=True)
class Tangle:
    """All events of some payments that are joined, and the sessions that they lead to.

    `states` are those of stored events. `pruned` counts the events whose payload is gone.
    """

    session_ids: set[str] = field(default_factory=set)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    states: dict[str, EventState] = field(default_factory=dict)
    pruned: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Untangled:
    """What belongs to each session, which events are refused and why, and which states change."""

    session_of: Mapping[str, str]
    refused: Mapping[str, str]
    facts: Mapping[str, PaymentFacts]
    settled: Collection[Settled]


def follow(
    memory: Memory,
    session_ids: Collection[str],
    items: Collection[EventEvidence] = (),
    *,
    across: bool = True,
) -> Steps[Tangle]:
    """Go from these sessions to all events that links lead to, and on to the sessions of those.

    `items` are events that are not stored yet. Without `across`, no other sessions are gone to.
    """
    tangle = Tangle(session_ids=set(session_ids))
    tangle.evidence.update((item.event_id, item.evidence) for item in items)
    asked: set[str] = set()
    object_ids = {object_id for item in items for object_id in item.evidence.object_ids}
    while asking := (object_ids | tangle.session_ids) - asked:
        asked |= asking
        found = yield Wanted(mentioning=asking, around=asking - memory.around)
        said = [each for stored in found.events if (each := _add(tangle, stored))]
        object_ids.update(object_id for each in said for object_id in each.object_ids)
        if across:
            tangle.session_ids.update(each.session_id for each in said if each.session_id)
            tangle.session_ids.update(*(memory.sessions_of.get(id_, ()) for id_ in asking))
    return tangle


def _add(tangle: Tangle, stored: StoredEvent) -> Evidence | None:
    """Take a stored event in; its evidence, if it is new and can be read."""
    tangle.states[stored.id] = stored.state
    if stored.id in tangle.evidence:
        return None
    if stored.event is None:
        tangle.pruned.add(stored.id)
        return None
    said = read_for_fold(stored.event).evidence
    if said is not None:
        tangle.evidence[stored.id] = said
    return said


def untangle(tangle: Tangle, known: Mapping[str, PaymentFacts]) -> Untangled:
    """Make each payment of what is its own. `known` is kept where events have lost their payload.

    An event that has no payload any more cannot be told apart: what it has proven stays.
    """
    kin = kinship(tangle.evidence)
    facts = {session_id: PaymentFacts() for session_id in tangle.session_ids}
    if tangle.pruned:
        facts |= {session_id: known[session_id] for session_id in facts.keys() & known.keys()}
    for event_id, session_id in sorted(kin.session_of.items()):
        facts[session_id] = facts[session_id].join(tangle.evidence[event_id].facts)
    settled = [
        _settled(event_id, tangle.evidence[event_id], kin)
        for event_id in sorted(tangle.states.keys() & tangle.evidence.keys())
    ]
    return Untangled(
        session_of=kin.session_of,
        refused=kin.refused,
        facts=facts,
        settled=[
            each
            for each in settled
            # The reason of one that failed may be another by now.
            if each.state is EventState.FAILED or each.state is not tangle.states[each.event_id]
        ],
    )


def _settled(event_id: str, said: Evidence, kin: Kinship) -> Settled:
    """The state of an event of a tangle, as `EventReading.settled` has those of others."""
    if reason := kin.refused.get(event_id) or "; ".join(said.doubts):
        return Settled(event_id=event_id, state=EventState.FAILED, reason=reason)
    state = EventState.FOLDED if event_id in kin.session_of else EventState.WAITING
    return Settled(event_id=event_id, state=state, reason=None)
