"""Connected payments as values: the same end in any order and batches, however few are woken."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.fold.rebuild import Rebuild, Verdict
from app.domain.fold.records import EventState
from tests.support.builders import Document, event, session
from tests.support.durability.linked_events import tangles
from tests.support.kept_rows import KeptRows
from tests.support.sizes import EXAMPLES
from tests.support.stripe_objects import charge, subscription

NAMES_ONE = event(id="evt_one", subject=session(id="cs_a", payment_intent="pi_1"))
NAMES_TWO = event(id="evt_two", subject=session(id="cs_a", payment_intent="pi_2"))
SHARES_INTENT = event(
    id="evt_b", subject=session(id="cs_b", payment_intent="pi_1", subscription="sub_1")
)
SHARES_SUBSCRIPTION = event(
    id="evt_c", subject=session(id="cs_c", payment_intent=None, subscription="sub_1")
)
OF_TWO = event("customer.subscription.created", subscription(), id="evt_subscription")
CONNECTED = [NAMES_ONE, NAMES_TWO, SHARES_INTENT, SHARES_SUBSCRIPTION, OF_TWO]


def kept_of(rows: KeptRows) -> tuple[object, ...]:
    """Return what must not depend on the order."""
    states = {id_: each.state for id_, each in rows.events.items()}
    facts = {id_: each.facts for id_, each in rows.payments.items()}
    return facts, rows.renewals, states, rows.links, rows.mentions


def differ_when_rebuilt(rows: KeptRows) -> list[str]:
    return [
        session_id
        for session_id in rows.payments
        if rows.inform(Rebuild(session_id)).rebuilt.verdict is not Verdict.SAME
    ]


@pytest.mark.parametrize("size", [2, 3])
def test_a_batch_counts_for_every_payment_that_its_events_lead_to(size: int) -> None:
    """`evt_subscription` concerns two payments, and leads to `cs_a` only through one of them."""
    for order in itertools.permutations(CONNECTED):
        rows = KeptRows()
        rows.record(*order[:-size])
        rows.record(*order[-size:])

        assert rows.payments["cs_a"].facts.intent_ids == ("pi_1", "pi_2"), order
        assert differ_when_rebuilt(rows) == []


@pytest.mark.parametrize("pruned", ["a", "b"])
def test_what_a_deleted_payload_had_proven_stays_when_payments_are_told_apart(pruned: str) -> None:
    rows = KeptRows()
    rows.record(
        event(id="evt_a", subject=session(id="cs_a", payment_intent="pi_1")),
        event(id="evt_b", subject=session(id="cs_b", payment_intent="pi_2")),
    )
    before = rows.payments[f"cs_{pruned}"].facts
    stored = rows.events[f"evt_{pruned}"]
    rows.events[f"evt_{pruned}"] = replace(stored, event=None)

    rows.record(event("charge.succeeded", charge(invoice="pi_2"), id="evt_charge"))

    assert rows.payments[f"cs_{pruned}"].facts == before
    assert {id_: each.facts.paid for id_, each in rows.payments.items()} == {
        "cs_a": True,
        "cs_b": True,
    }
    assert rows.events[f"evt_{pruned}"].state is EventState.FOLDED


@settings(max_examples=EXAMPLES // 10, deadline=None)
@given(data=st.data(), history=tangles(), wake_max=st.sampled_from([0, 1, 2, 100]))
def test_entangled_events_end_in_the_same_state_however_few_are_woken_at_once(
    data: st.DataObject, history: list[Document], wake_max: int
) -> None:
    ordered, disordered = KeptRows(), KeptRows()
    ordered.record(*history)
    again = data.draw(st.lists(st.sampled_from(history), max_size=6))
    left = data.draw(st.permutations([*history, *again]))
    while left:
        size = data.draw(st.integers(1, 8))
        disordered.record(*left[:size], wake_max=wake_max)
        left = left[size:]

    assert kept_of(disordered) == kept_of(ordered)
    assert differ_when_rebuilt(disordered) == []
