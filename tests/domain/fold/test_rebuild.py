"""A payment computed from its stored events, and compared with the stored one."""

from dataclasses import replace

import pytest

from app.domain.fold.asking import Wanted
from app.domain.fold.rebuild import Rebuild, Verdict
from app.domain.fold.records import Link, StoredEvent
from app.domain.payments.disputes import FraudWarning
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.status import PaymentStatus
from tests.support.builders import CHECKOUT_ID, SESSION_ID, event, session
from tests.support.kept_rows import NOW_MS, KeptRows
from tests.support.stripe_objects import refund

COMPLETED = event(id="evt_completed")
REFUNDED = event("refund.created", refund(charge=None), id="evt_refund")
SECOND = event(id="evt_second", subject=session(id="cs_test_second"))

WARNED = PaymentFacts(fraud_warnings={"issfr_1": FraudWarning()})


@pytest.fixture
def rows() -> KeptRows:
    kept = KeptRows()
    kept.record(COMPLETED, REFUNDED)
    return kept


def prune(rows: KeptRows, event_id: str) -> None:
    rows.events[event_id] = StoredEvent(id=event_id, state=rows.events[event_id].state, event=None)


def test_what_is_stored_as_its_events_say_is_the_same(rows: KeptRows) -> None:
    rebuild = rows.inform(Rebuild(SESSION_ID))

    assert rebuild.rebuilt.verdict is Verdict.SAME
    assert rebuild.rebuilt.kept == rows.payments[SESSION_ID]
    assert rebuild.rebuilt.pruned_events == 0
    assert rebuild.outcome(NOW_MS).links == []


def test_only_what_is_to_be_changed_is_locked(rows: KeptRows) -> None:
    rows.asked.clear()
    rows.inform(Rebuild(SESSION_ID))
    assert [set(each.ids) for each in rows.asked if each.ids] == []

    rows.inform(Rebuild(SESSION_ID, is_to_change=True))
    assert [set(each.ids) for each in rows.asked if each.ids] == [{SESSION_ID}]


def test_a_payment_that_is_not_stored_differs_and_is_written_again(rows: KeptRows) -> None:
    stored = rows.payments.pop(SESSION_ID)

    rebuild = rows.inform(Rebuild(SESSION_ID))

    assert rebuild.rebuilt.verdict is Verdict.DIFFERENT
    assert rebuild.rebuilt.kept is None
    (payment,) = rebuild.outcome(NOW_MS).payments
    assert (payment.facts, payment.version, payment.updated_at_ms) == (stored.facts, 1, NOW_MS)


def test_other_facts_differ_and_are_replaced(rows: KeptRows) -> None:
    stored = rows.payments[SESSION_ID]
    rows.payments[SESSION_ID] = replace(stored, facts=PaymentFacts())

    rebuild = rows.inform(Rebuild(SESSION_ID))

    assert rebuild.rebuilt.verdict is Verdict.DIFFERENT
    assert rebuild.outcome(NOW_MS).payments == [replace(stored, version=stored.version + 1)]


def test_a_missing_link_is_added(rows: KeptRows) -> None:
    rows.links.discard(Link("pi_1", SESSION_ID))

    rebuild = rows.inform(Rebuild(SESSION_ID))

    assert rebuild.rebuilt.verdict is Verdict.DIFFERENT
    assert rebuild.outcome(NOW_MS).links == [Link("pi_1", SESSION_ID)]


def test_what_pruned_events_had_proven_stays(rows: KeptRows) -> None:
    rows.payments[SESSION_ID] = replace(
        rows.payments[SESSION_ID],
        facts=rows.payments[SESSION_ID].facts.join(WARNED),
    )
    prune(rows, "evt_completed")

    rebuilt = rows.inform(Rebuild(SESSION_ID)).rebuilt

    assert (rebuilt.verdict, rebuilt.pruned_events) == (Verdict.PRUNED, 1)
    assert rebuilt.facts.status is PaymentStatus.OPEN
    assert rebuilt.facts_to_keep == rows.payments[SESSION_ID].facts


def test_events_that_remain_must_still_agree_with_the_stored_payment(rows: KeptRows) -> None:
    prune(rows, "evt_refund")
    assert rows.inform(Rebuild(SESSION_ID)).rebuilt.verdict is Verdict.PRUNED

    rows.payments[SESSION_ID] = replace(rows.payments[SESSION_ID], facts=PaymentFacts())

    assert rows.inform(Rebuild(SESSION_ID)).rebuilt.verdict is Verdict.DIFFERENT


def test_what_no_event_proves_is_removed_if_all_of_them_are_there(rows: KeptRows) -> None:
    facts = rows.payments[SESSION_ID].facts
    rows.payments[SESSION_ID] = replace(
        rows.payments[SESSION_ID],
        facts=facts.join(WARNED),
    )

    rebuilt = rows.inform(Rebuild(SESSION_ID)).rebuilt

    assert rebuilt.verdict is Verdict.DIFFERENT
    assert rebuilt.facts_to_keep == rebuilt.facts == facts


def test_a_pruned_payment_that_is_not_stored_has_what_the_other_events_prove(
    rows: KeptRows,
) -> None:
    prune(rows, "evt_refund")
    del rows.payments[SESSION_ID]

    rebuilt = rows.inform(Rebuild(SESSION_ID)).rebuilt

    assert (rebuilt.verdict, rebuilt.pruned_events) == (Verdict.DIFFERENT, 1)
    assert rebuilt.facts_to_keep == rebuilt.facts
    assert rebuilt.facts.status is PaymentStatus.PAID


def test_other_payments_are_only_looked_up_if_an_id_is_shared(rows: KeptRows) -> None:
    def asks() -> list[set[str]]:
        rows.asked.clear()
        rows.inform(Rebuild(SESSION_ID))
        return [set(wanted.mentioning) for wanted in rows.asked if wanted.mentioning]

    own = [{SESSION_ID}, {"pi_1"}]
    assert asks() == own

    rows.record(SECOND)

    assert asks() == [*own, *own, {"cs_test_second"}]


def test_a_connected_payment_is_computed_from_its_own_events_only(rows: KeptRows) -> None:
    rows.record(SECOND)

    verdicts = {
        id_: rows.inform(Rebuild(id_)).rebuilt.verdict for id_ in (SESSION_ID, "cs_test_second")
    }

    assert set(verdicts.values()) == {Verdict.SAME}
    second = rows.inform(Rebuild("cs_test_second")).rebuilt.facts
    assert second.refunds == {}


def test_a_checkout_that_only_the_events_name_is_asked_for(rows: KeptRows) -> None:
    del rows.payments[SESSION_ID]
    rows.asked.clear()

    rows.inform(Rebuild(SESSION_ID))

    assert rows.asked[-1] == Wanted(checkout_ids={CHECKOUT_ID})
