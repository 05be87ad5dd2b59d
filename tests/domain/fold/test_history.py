"""What was proven after each event: the same as a fold of the events up to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.fold.history import facts_after_each
from app.domain.payments.status import PaymentStatus
from app.domain.stripe_events.event import read_event
from app.domain.stripe_events.evidence import Evidence
from app.domain.stripe_events.readers import read_evidence
from tests.support.builders import SESSION_ID, Document, event, session
from tests.support.stripe_objects import charge, dispute, refund

PAID = event(id="evt_paid")
REFUNDED = event("charge.refunded", charge(amount_refunded=1999), id="evt_refunded")
PARTLY = event("refund.created", refund(), id="evt_partly")
DISPUTED = event("charge.dispute.created", dispute(), id="evt_disputed")
OTHER = event(id="evt_other", subject=session(id="cs_test_other", payment_intent="pi_other"))
UNRELATED = event("charge.refunded", charge(id="ch_x", payment_intent="pi_x"), id="evt_x")


def evidence_of(*documents: Document) -> dict[str, Evidence]:
    found = {document["id"]: read_evidence(read_event(document)) for document in documents}
    return {event_id: evidence for event_id, evidence in found.items() if evidence}


def statuses(*documents: Document) -> list[PaymentStatus | None]:
    after = facts_after_each([SESSION_ID], evidence_of(*documents))
    return [facts[SESSION_ID].status if facts else None for facts in after]


@pytest.mark.parametrize(
    ("documents", "after"),
    [
        ([], []),
        ([PAID], ["paid"]),
        ([PAID, PARTLY, REFUNDED], ["paid", "partially_refunded", "refunded"]),
        ([PAID, DISPUTED], ["paid", "disputed"]),
        # Nothing is known of the session when it comes, and then both count.
        ([REFUNDED, PAID], [None, "refunded"]),
        ([PAID, UNRELATED], ["paid", "paid"]),
        ([OTHER, PAID, OTHER], [None, "paid"]),
    ],
)
def test_each_event_counts_once_it_is_connected(
    documents: list[Document], after: list[str | None]
) -> None:
    assert statuses(*documents) == after


@given(st.permutations([PAID, PARTLY, REFUNDED, DISPUTED, OTHER, UNRELATED]))
def test_the_last_status_does_not_depend_on_the_order(documents: list[Document]) -> None:
    assert statuses(*documents)[-1] == "disputed"
