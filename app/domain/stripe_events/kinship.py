"""Decides which payment each event belongs to, if events connect several payments.

Each of Stripe's objects belongs to one payment. An unusual event may name objects of two; if it
counted, everything about either payment would count for both, permanently. So an id in a session's
own event, a root, belongs to that session. Events that name it belong there, too, with their other
ids, and so on outwards, step by step from all sessions at once. An event that meets the ids of two
sessions is refused: it belongs to none, and connects nothing.

The result is a function of the set of events, regardless of their order.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from app.domain.stripe_events.evidence import Evidence

JOINS_TWO: Final = "it names what belongs to two payments, and is counted for neither"
ROOT_OF_ANOTHER: Final = "it names what belongs to another session's payment, too"


@dataclass(slots=True)
class Kinship:
    """`session_of` has the session of each assigned event; `refused` says why others fail.

    A session's own event is always its own: it may be in both.
    """

    session_of: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def kinship(evidence: Mapping[str, Evidence]) -> Kinship:
    """Assign each of these events to a session, by their ids."""
    found = Kinship()
    owners = {object_id: frozenset([owner]) for object_id, owner in _roots(evidence).items()}
    mentioning: defaultdict[str, list[str]] = defaultdict(list)
    for event_id, each in evidence.items():
        if each.session_id is None:
            for object_id in each.object_ids:
                mentioning[object_id].append(event_id)
            continue
        found.session_of[event_id] = each.session_id
        if any(owners[object_id] != {each.session_id} for object_id in each.object_ids):
            found.refused[event_id] = ROOT_OF_ANOTHER
    frontier: Collection[str] = list(owners)
    while frontier:
        met = {event_id for object_id in frontier for event_id in mentioning[object_id]}
        frontier = _step(
            evidence, met - found.session_of.keys() - found.refused.keys(), owners, found
        )
    return found


def _roots(evidence: Mapping[str, Evidence]) -> dict[str, str]:
    """Return the session of each root; if several name it, the first one by Stripe's clock."""
    named: dict[str, tuple[float, str]] = {}
    for each in evidence.values():
        if each.session_id is not None:
            claim = (math.inf if each.at_s is None else each.at_s, each.session_id)
            for object_id in each.object_ids:
                named[object_id] = min(claim, named.get(object_id, claim))
    return {object_id: session_id for object_id, (_, session_id) in named.items()}


def _step(
    evidence: Mapping[str, Evidence],
    met: Collection[str],
    owners: dict[str, frozenset[str]],
    found: Kinship,
) -> Collection[str]:
    """Assign these events by the owners before this step; return newly owned ids."""
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
