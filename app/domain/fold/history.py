"""What a payment's events proved by the time that each of them had been received."""

from collections.abc import Collection, Iterator, Mapping

from app.domain.fold.untangle import Tangle, untangle
from app.domain.payments.facts import PaymentFacts
from app.domain.stripe_events.evidence import Evidence


def facts_after_each(
    session_ids: Collection[str], evidence: Mapping[str, Evidence]
) -> Iterator[dict[str, PaymentFacts]]:
    """Yield, for each event in this order, the facts of those of these sessions that were known.

    An event that names no session counts from when another event connects it to one. `evidence` is
    by the event's id. Its cost grows with the square of the number of events.
    """
    known: dict[str, Evidence] = {}
    for event_id, each in evidence.items():
        known[event_id] = each
        named = {other.session_id for other in known.values() if other.session_id}
        facts = untangle(Tangle(session_ids=named, evidence=known), {}).facts
        yield {session_id: facts[session_id] for session_id in sorted(named & {*session_ids})}
