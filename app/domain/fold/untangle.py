"""Separates payments that events have connected, using all of their stored events.

Links are never removed, and lead to everything that may concern a payment. If they lead an event to
two payments, `kinship` decides which payment each event belongs to, and the facts are computed from
those events only.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from app.domain.fold.asking import Memory, Steps, Wanted
from app.domain.fold.readings import EventEvidence, read_for_fold
from app.domain.fold.records import EventState, Settled, StoredEvent
from app.domain.payments.facts import PaymentFacts
from app.domain.stripe_events.evidence import Evidence
from app.domain.stripe_events.kinship import Kinship, kinship

_NONE: Final[Mapping[str, Collection[EventEvidence]]] = MappingProxyType({})


@dataclass(slots=True)
class Tangle:
    """All events of some connected payments, and the sessions that they lead to.

    `states` are those of stored events. `pruned` counts events whose payload was deleted.
    """

    session_ids: set[str] = field(default_factory=set)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    states: dict[str, EventState] = field(default_factory=dict)
    pruned: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Untangled:
    """Each session's facts, refused events with the reason, and changed states."""

    session_of: Mapping[str, str]
    refused: Mapping[str, str]
    facts: Mapping[str, PaymentFacts]
    settled: Collection[Settled]


def follow(
    memory: Memory,
    session_ids: Collection[str],
    items: Mapping[str, Collection[EventEvidence]] = _NONE,
    *,
    across: bool = True,
) -> Steps[Tangle]:
    """Follow links from these sessions to all their events, and on to the sessions of those.

    `items` are events that are not stored yet, by session: those of every session that is followed
    count. Without `across`, other sessions are not followed.
    """
    tangle = Tangle(session_ids=set(session_ids))
    asked: set[str] = set()
    object_ids: set[str] = set()
    while asking := (object_ids | tangle.session_ids) - asked:
        asked |= asking
        new = {item.event_id: item.evidence for id_ in asking for item in items.get(id_, ())}
        tangle.evidence |= new
        found = yield Wanted(mentioning=asking, around=asking - memory.around)
        evidence = [*new.values(), *(each for row in found.events if (each := _add(tangle, row)))]
        object_ids.update(object_id for each in evidence for object_id in each.object_ids)
        if across:
            tangle.session_ids.update(each.session_id for each in evidence if each.session_id)
            tangle.session_ids.update(*(memory.sessions_of.get(id_, ()) for id_ in asking))
    return tangle


def _add(tangle: Tangle, stored: StoredEvent) -> Evidence | None:
    """Add a stored event; return its evidence if it is new and can be read."""
    tangle.states[stored.id] = stored.state
    if stored.id in tangle.evidence:
        return None
    if stored.event is None:
        tangle.pruned.add(stored.id)
        return None
    evidence = read_for_fold(stored.event).evidence
    if evidence is not None:
        tangle.evidence[stored.id] = evidence
    return evidence


def untangle(tangle: Tangle, known: Mapping[str, PaymentFacts]) -> Untangled:
    """Compute each payment from its own events. Where payloads were deleted, `known` is kept.

    An event without a payload cannot be assigned, so its facts stay. `known` are the stored facts
    of the tangle's sessions that have a payment.
    """
    kin = kinship(tangle.evidence)
    facts = {session_id: PaymentFacts() for session_id in tangle.session_ids}
    if tangle.pruned:
        facts |= known
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
            # A failed event may have a different reason now.
            if each.state is EventState.FAILED or each.state is not tangle.states[each.event_id]
        ],
    )


def _settled(event_id: str, evidence: Evidence, kin: Kinship) -> Settled:
    """Return the final state of an event of connected payments, like `EventReading.settled`."""
    if reason := kin.refused.get(event_id) or "; ".join(evidence.doubts):
        return Settled(event_id=event_id, state=EventState.FAILED, reason=reason)
    state = EventState.FOLDED if event_id in kin.session_of else EventState.WAITING
    return Settled(event_id=event_id, state=state, reason=None)
