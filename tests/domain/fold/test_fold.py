"""The fold as values: what it asks, and what it finds out of the answers."""

from dataclasses import replace

import pytest

from app.domain.fold.asking import Wanted
from app.domain.fold.fold import Fold, FoldAgain, FoldOfWakes
from app.domain.fold.readings import EventReading
from app.domain.fold.records import EventState, Link, Payment, Settled, Wake
from app.domain.money import ExpectedSubtotal
from app.domain.payments.claims import SoldCheckout
from app.domain.payments.disputes import Dispute, DisputeState
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.status import PaymentStatus
from tests.support.builders import CHECKOUT_ID, SESSION_ID, event, session
from tests.support.kept_rows import NOW_MS, KeptRows
from tests.support.readings import evidence, evidence_of_session
from tests.support.stripe_objects import charge, dispute, refund

COMPLETED = event(id="evt_completed")
REFUNDED = event("refund.created", refund(charge=None), id="evt_refund")
CHARGED = event("charge.succeeded", charge(), id="evt_charge")
NAMING = f"https://shop.example/?checkout_id={CHECKOUT_ID}"


def test_a_question_waits_for_locks_and_asks_for_nothing_unless_it_says_so() -> None:
    nothing = Wanted()

    assert nothing.may_wait
    assert (nothing.wakes_max, nothing.limit, nothing.wake) == (0, None, None)


def test_a_fold_of_nothing_asks_nothing_and_finds_nothing() -> None:
    fold = Fold([])

    assert fold.wanted() is None
    assert fold.outcome(NOW_MS).payments == []


def test_all_that_an_ordinary_batch_asks_is_one_question() -> None:
    kept = KeptRows()
    kept.record(COMPLETED)
    kept.asked.clear()
    other = event(id="evt_other", subject=session(id="cs_test_other", payment_intent="pi_2"))

    kept.record(REFUNDED, other)

    (wanted,) = kept.asked
    assert set(wanted.ids) == set(wanted.around) == {"pi_1", "cs_test_other", "pi_2"}
    assert set(wanted.known) == {"evt_refund", "evt_other"}


def test_what_a_session_names_is_asked_with_the_first_question() -> None:
    kept = KeptRows()
    price = ExpectedSubtotal(amount_minor=1, currency="eur")
    kept.checkouts = [
        SoldCheckout(id=CHECKOUT_ID, session_id=None, key_digest=None, expected=price)
    ]
    outcome = kept.record(event(subject=session(success_url=NAMING, amount_subtotal=500)))

    assert [set(wanted.checkout_ids) for wanted in kept.asked] == [{CHECKOUT_ID}]
    assert outcome.mismatched == [SESSION_ID]
    assert kept.payments[SESSION_ID].price_mismatch


def test_a_session_that_names_a_checkout_without_its_secret_is_told_once() -> None:
    kept = KeptRows()
    kept.checkouts = [
        SoldCheckout(id=CHECKOUT_ID, session_id=None, key_digest="d" * 64, expected=None)
    ]
    expired = event("checkout.session.expired", id="evt_expired")

    first = kept.record(event(subject=session(success_url=NAMING)))
    second = kept.record({**expired, "data": {"object": session(success_url=NAMING)}})

    assert (first.foreign, second.foreign) == ([SESSION_ID], [])
    assert second.contradicted == [SESSION_ID]


def test_a_checkout_that_only_other_events_of_a_tangle_name_is_asked_for() -> None:
    kept = KeptRows()
    kept.record(COMPLETED)
    payment = kept.payments[SESSION_ID]
    kept.payments[SESSION_ID] = replace(payment, facts=replace(payment.facts, checkout_id=None))
    kept.asked.clear()

    kept.record(event(id="evt_second", subject=session(id="cs_test_second", success_url=None)))

    assert kept.asked[-1] == Wanted(checkout_ids={CHECKOUT_ID})


def test_events_that_are_kept_already_are_left_out() -> None:
    kept = KeptRows()
    kept.record(COMPLETED)
    before = dict(kept.payments)

    outcome = kept.record(COMPLETED)

    assert (outcome.ended, outcome.payments, outcome.mentions) == ({}, [], [])
    assert kept.payments == before


def test_an_event_that_was_not_understood_ends_with_the_reason() -> None:
    fold = KeptRows().inform(Fold([EventReading("evt_1", None, "why")]))

    assert fold.outcome(NOW_MS).ended == {
        "evt_1": Settled(event_id="evt_1", state=EventState.FAILED, reason="why")
    }


def test_a_fold_again_settles_what_it_has_read() -> None:
    kept = KeptRows()
    kept.record(REFUNDED)

    outcome = kept.inform(FoldAgain(["evt_refund", "evt_unknown"])).outcome(NOW_MS)

    waiting = Settled(event_id="evt_refund", state=EventState.WAITING, reason=None)
    assert outcome.ended == {"evt_refund": waiting}
    assert outcome.settled == [waiting]


def test_a_fold_again_of_what_speaks_of_no_payment_locks_nothing() -> None:
    kept = KeptRows()
    kept.record(event("product.created", {"id": "prod_1"}, id="evt_product"))
    kept.asked.clear()

    kept.inform(FoldAgain(["evt_product"]))

    assert kept.asked == [Wanted(events=["evt_product"])]


def test_where_nothing_is_left_to_be_woken_nothing_more_is_asked() -> None:
    kept = KeptRows()

    fold = kept.inform(FoldOfWakes())

    assert fold.is_idle
    assert len(kept.asked) == 1


def test_ids_that_another_transaction_holds_are_left_for_later() -> None:
    kept = KeptRows()
    kept.record(CHARGED)
    kept.contended = frozenset({"ch_1"})
    fold = kept.inform(Fold([EventReading("evt_completed", evidence_of_session())]))

    outcome = fold.outcome(NOW_MS)

    assert outcome.wakes == [Wake("pi_1")]
    assert outcome.woken_ids == []
    assert fold.waking.contended == {"pi_1", "ch_1"}


@pytest.mark.parametrize("wake_max", [0, 1, 2, 100])
def test_however_many_are_woken_at_once_the_end_is_the_same(wake_max: int) -> None:
    refunds = [
        event("refund.created", refund(id=f"re_{n}", charge=None, amount=1), id=f"evt_{n}")
        for n in range(5)
    ]
    kept = KeptRows()
    kept.record(*refunds)

    kept.record(COMPLETED, wake_max=wake_max)

    assert {each.state for each in kept.events.values()} == {EventState.FOLDED}
    assert kept.payments[SESSION_ID].facts.amount_refunded_minor == 5
    assert Link("pi_1", SESSION_ID) in kept.links


def broken() -> PaymentFacts:
    """What no reading makes: somebody has been at the row."""
    amount: int = "much"  # type: ignore[assignment]
    known = Dispute(state=DisputeState.OPEN, amount_minor=amount, charge_id="ch_1")
    return PaymentFacts(paid=True, disputes={"dp_1": known})


def test_facts_that_cannot_be_joined_fail_alone() -> None:
    kept = KeptRows()
    kept.payments[SESSION_ID] = Payment(session_id=SESSION_ID, facts=broken(), updated_at_ms=1)
    readings = [
        EventReading("evt_1", evidence("charge.dispute.created", dispute())),
        EventReading("evt_2", evidence_of_session()),
        EventReading("evt_3", evidence_of_session(id="cs_test_other", payment_intent=None)),
    ]

    outcome = kept.inform(Fold(readings)).outcome(NOW_MS)

    failed = [each for each in outcome.ended.values() if each.state is EventState.FAILED]
    assert [each.event_id for each in failed] == ["evt_1"]
    assert (failed[0].reason or "").startswith("TypeError: ")
    assert {each.session_id for each in outcome.payments} == {SESSION_ID, "cs_test_other"}


def test_a_failed_event_that_comes_again_is_new_unless_a_tangle_settles_it() -> None:
    """Its row is there: it must not be written twice in one statement."""
    kept = KeptRows()
    second = event(id="evt_second", subject=session(id="cs_test_second"))
    kept.record(COMPLETED, second)
    assert kept.events["evt_second"].state is EventState.FAILED

    outcome = kept.record(second)

    assert outcome.ended == {}
    assert [(each.event_id, each.state) for each in outcome.settled] == [
        ("evt_second", EventState.FAILED)
    ]
    assert kept.payments["cs_test_second"].facts.status is PaymentStatus.PAID
