"""Renewals are stored beside their payment: which are asked for, and what is written of them."""

from dataclasses import replace

import pytest

from app.domain.fold.rebuild import Rebuild, Verdict
from app.domain.fold.records import Renewal
from app.domain.payments.facts import PaymentFacts
from tests.support.builders import SESSION_ID, Document, event, session
from tests.support.kept_rows import NOW_MS, KeptRows
from tests.support.stripe_objects import invoice, listing, refund

SUBSCRIBED = event(
    id="evt_session",
    subject=session(mode="subscription", payment_intent=None, subscription="sub_1", invoice="in_1"),
)


def renewed(invoice_id: str = "in_2", **changes: object) -> Document:
    payment = {"payment": {"payment_intent": f"pi_of_{invoice_id}"}}
    subject = invoice(
        id=invoice_id,
        amount_paid=900,
        billing_reason="subscription_cycle",
        payments=listing(payment),
    )
    return event("invoice.paid", subject | changes, id=f"evt_{invoice_id}")


def refunded(status: str) -> Document:
    subject = refund(charge=None, payment_intent="pi_of_in_2", amount=400, status=status)
    return event("refund.updated", subject, id=f"evt_{status}")


@pytest.fixture
def rows() -> KeptRows:
    kept = KeptRows()
    kept.record(SUBSCRIBED, renewed("in_2"), renewed("in_3"))
    return kept


def test_each_renewal_has_its_own_row_and_the_payment_nothing_of_it(rows: KeptRows) -> None:
    assert set(rows.renewals) == {(SESSION_ID, "in_2"), (SESSION_ID, "in_3")}
    assert rows.renewals[SESSION_ID, "in_2"].facts.invoices["in_2"].amount_paid_minor == 900
    assert rows.payments[SESSION_ID].facts.invoices == {}


def test_an_event_asks_for_the_renewals_that_its_ids_concern(rows: KeptRows) -> None:
    rows.asked.clear()

    rows.record(refunded("succeeded"))

    asked = [wanted.renewals for wanted in rows.asked if wanted.renewals]
    assert asked == [{SESSION_ID: {"re_1", "pi_of_in_2"}}]


def test_a_payment_that_is_no_subscription_has_no_renewals_to_ask_for() -> None:
    rows = KeptRows()
    rows.record(event(id="evt_session"))

    rows.record(event("refund.created", refund(), id="evt_refund"))

    assert [wanted.renewals for wanted in rows.asked if wanted.renewals] == []


def test_a_renewals_refund_changes_its_row_and_counts_as_a_change_of_the_payment(
    rows: KeptRows,
) -> None:
    before = rows.payments[SESSION_ID]

    given, failed = (rows.record(refunded(status)) for status in ("succeeded", "failed"))

    (renewal,) = given.renewals
    assert (renewal.invoice_id, set(renewal.facts.refunds)) == ("in_2", {"re_1"})
    assert renewal.facts.invoices["in_2"].paid
    assert [each.payments[0].renewals_refunded_minor for each in (given, failed)] == [400, -400]
    assert rows.payments[SESSION_ID] == replace(before, version=before.version + 2)


def test_what_is_known_of_a_renewal_already_changes_nothing(rows: KeptRows) -> None:
    outcome = rows.record({**renewed("in_2"), "id": "evt_again"})

    assert (outcome.renewals, outcome.payments) == ([], [])
    assert outcome.notifications == []
    assert len(outcome.silent) == 1  # one more event raises the order's version


def test_what_turns_out_to_be_the_first_invoice_is_a_renewal_no_more(rows: KeptRows) -> None:
    first = {**renewed("in_2", billing_reason="subscription_create"), "id": "evt_first"}

    outcome = rows.record(first)

    gone = Renewal(session_id=SESSION_ID, invoice_id="in_2", facts=PaymentFacts())
    assert outcome.renewals == [gone]
    assert set(rows.renewals) == {(SESSION_ID, "in_3")}
    assert set(rows.payments[SESSION_ID].facts.invoices) == {"in_2"}


def test_a_renewal_whose_event_names_another_payment_too_counts_for_neither(
    rows: KeptRows,
) -> None:
    kept = rows.renewals[SESSION_ID, "in_3"]
    other = session(id="cs_test_other", payment_intent="pi_of_in_2")

    rows.record(event(id="evt_other", subject=other))

    assert rows.renewals == {(SESSION_ID, "in_3"): kept}
    assert rows.inform(Rebuild(SESSION_ID)).rebuilt.verdict is Verdict.SAME


@pytest.mark.parametrize("invoice_id", ["in_2", "in_3"])
def test_a_rebuilt_payment_has_its_renewals(rows: KeptRows, invoice_id: str) -> None:
    assert rows.inform(Rebuild(SESSION_ID)).rebuilt.verdict is Verdict.SAME
    row = rows.renewals.pop((SESSION_ID, invoice_id))

    rebuild = rows.inform(Rebuild(SESSION_ID))

    assert rebuild.rebuilt.verdict is Verdict.DIFFERENT
    assert rebuild.outcome(NOW_MS).renewals == [row]
