"""Whose an event is, where events join what belongs to several payments.

Stripe's objects hang on one payment each. An odd event may name those of two; were it followed,
all that either payment ever gets would count for both, for good. So an id that a session's own
event names, a root, belongs to that session. What names it belongs there, too, with its other ids,
and so on outwards, step by step and from all sessions at once. An event that meets two sessions'
ids is refused: it is nobody's, and no way leads through it.

All of it is a function of the set of events, in whatever order they came.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from app.domain.stripe_events.evidence import Evidence

JOINS_TWO: Final = "it names what belongs to two payments, and is counted for neither"
ROOT_OF_ANOTHER: Final = "it names what belongs to another session's payment, too"
_LATE_S: Final = 2**40  # after any time that is read


@dataclass(slots=True)
class Kinship:
    """`session_of` holds the session of each event that has one; `refused` says why others fail.

    A session's own event is always its own: it may be in both.
    """

    session_of: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def kinship(evidence: Mapping[str, Evidence]) -> Kinship:
    """Whose each of these events is, by their ids."""
    found = Kinship()
    owners = {object_id: frozenset([owner]) for object_id, owner in _roots(evidence).items()}
    mentioning: defaultdict[str, list[str]] = defaultdict(list)
    for event_id, said in evidence.items():
        if said.session_id is None:
            for object_id in said.object_ids:
                mentioning[object_id].append(event_id)
            continue
        found.session_of[event_id] = said.session_id
        if any(owners[object_id] != {said.session_id} for object_id in said.object_ids):
            found.refused[event_id] = ROOT_OF_ANOTHER
    frontier: Collection[str] = list(owners)
    while frontier:
        met = {event_id for object_id in frontier for event_id in mentioning[object_id]}
        frontier = _step(
            evidence, met - found.session_of.keys() - found.refused.keys(), owners, found
        )
    return found


def _roots(evidence: Mapping[str, Evidence]) -> dict[str, str]:
    """The session of each root. Of several that name it, the first by Stripe's clock has it."""
    named: dict[str, tuple[int, str]] = {}
    for said in evidence.values():
        if said.session_id is not None:
            claim = (_LATE_S if said.at_s is None else said.at_s, said.session_id)
            for object_id in said.object_ids:
                named[object_id] = min(claim, named.get(object_id, claim))
    return {object_id: session_id for object_id, (_, session_id) in named.items()}


def _step(
    evidence: Mapping[str, Evidence],
    met: Collection[str],
    owners: dict[str, frozenset[str]],
    found: Kinship,
) -> Collection[str]:
    """Settle these events by the owners of before the step; the ids that have owners by now."""
    reached: defaultdict[str, set[str]] = defaultdict(set)
    for event_id in met:
        object_ids = evidence[event_id].object_ids
        sessions = frozenset[str]().union(*(owners.get(id_, ()) for id_ in object_ids))
        if len(sessions) > 1:
            found.refused[event_id] = JOINS_TWO
            continue
        (found.session_of[event_id],) = sessions
        for object_id in object_ids:
            if object_id not in owners:
                reached[object_id] |= sessions
    owners |= {object_id: frozenset(sessions) for object_id, sessions in reached.items()}
    return reached
