"""What a fold reports: alerts once, notifications of the changes, and events that failed now."""

from dataclasses import dataclass

import pytest

from app.domain.fold.records import EventState, Payment, Settled
from app.domain.money import ExpectedSubtotal
from app.domain.notifications.types import NotificationType
from app.domain.payments.claims import SoldCheckout
from app.domain.payments.facts import PaymentFacts
from app.domain.stripe_events.kinship import JOINS_TWO, ROOT_OF_ANOTHER
from tests.support.builders import CHECKOUT_ID, NOW_S, SESSION_ID, Document, event, session
from tests.support.kept_rows import NOW_MS, KeptRows
from tests.support.stripe_objects import charge, refund

COMPLETED = event(id="evt_completed")
REFUNDED = event("refund.created", refund(charge=None), id="evt_refund")
EXPIRED = event("checkout.session.expired", session(payment_status="unpaid"), id="evt_expired")
NAMING = f"https://shop.example/?checkout_id={CHECKOUT_ID}"


def completed(event_id: str, **fields: object) -> Document:
    return event(id=event_id, subject=session(**fields))


def sold(key_digest: str | None = None) -> SoldCheckout:
    """A checkout of 1 cent that does not know its session."""
    price = ExpectedSubtotal(amount_minor=1, currency="eur")
    return SoldCheckout(id=CHECKOUT_ID, session_id=None, key_digest=key_digest, expected=price)


@dataclass(frozen=True)
class Alert:
    """An ordinary event, and one that causes the alert, of the same session."""

    name: str
    checkout: SoldCheckout
    ordinary: Document
    alarming: Document


ALERTS = [
    Alert(
        "mismatched",
        sold(),
        completed("evt_ordinary", success_url=NAMING, amount_subtotal=1),
        completed("evt_alarming", success_url=NAMING, amount_subtotal=500),
    ),
    Alert(
        "foreign",
        sold("d" * 64),
        completed("evt_ordinary", success_url=None),
        completed("evt_alarming", success_url=NAMING),
    ),
    Alert("contradicted", sold(), completed("evt_ordinary", success_url=None), EXPIRED),
]


def told(kept: KeptRows, document: Document) -> dict[str, list[str]]:
    outcome = kept.record(document)
    names = [alert.name for alert in ALERTS]
    return {name: found for name in names if (found := getattr(outcome, name))}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_is_told_when_it_begins_and_not_again(alert: Alert) -> None:
    kept = KeptRows(checkouts=[alert.checkout])

    assert [told(kept, each) for each in (alert.ordinary, alert.alarming, REFUNDED)] == [
        {},
        {alert.name: [SESSION_ID]},
        {},
    ]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_a_payment_may_begin_with_an_alert(alert: Alert) -> None:
    document = alert.alarming if alert.name != "contradicted" else COMPLETED
    kept = KeptRows(checkouts=[alert.checkout])
    batch = [document] if alert.name != "contradicted" else [document, EXPIRED]

    assert getattr(kept.record(*batch), alert.name) == [SESSION_ID]


def test_a_wrong_price_is_notified_when_it_begins_and_not_again() -> None:
    wrong = ALERTS[0]
    kept = KeptRows(checkouts=[wrong.checkout])

    causes = [
        [(each.type, each.cause.split(" ")[0]) for each in kept.record(document).notifications]
        for document in (wrong.ordinary, wrong.alarming, REFUNDED)
    ]

    assert causes == [
        [(NotificationType.PAID, "")],
        [(NotificationType.FLAGGED, "price_mismatch")],
        [(NotificationType.REFUNDED, "500")],
    ]


def test_a_change_without_a_notice_is_only_for_the_orders_table() -> None:
    kept = KeptRows()
    kept.record(COMPLETED)

    outcome = kept.record(completed("evt_named", client_reference_id="order 7"))

    assert outcome.notifications == []
    (silent,) = outcome.silent
    assert (silent.type, silent.cause, silent.at_ms) == (NotificationType.CHANGED, "2", NOW_MS)
    assert silent.order_id == SESSION_ID


def test_a_payment_counts_its_changes_and_knows_what_it_was_before() -> None:
    kept = KeptRows()

    first, second = (kept.record(each).payments[0] for each in (COMPLETED, REFUNDED))

    assert (first.version, first.before) == (1, None)
    assert (second.version, second.before) == (2, first.facts)
    assert (second.price_mismatch, second.renewals_refunded_minor) == (False, 0)


def test_a_stored_payment_has_its_first_version_and_the_right_price_unless_it_says_so() -> None:
    payment = Payment(session_id=SESSION_ID, facts=PaymentFacts(), updated_at_ms=NOW_MS)

    assert (payment.version, payment.price_mismatch) == (1, False)
    assert (payment.before, payment.renewals_refunded_minor) == (None, 0)


# --- stored events of which a tangle changes the state


def failed(event_id: str, reason: str) -> Settled:
    return Settled(event_id=event_id, state=EventState.FAILED, reason=reason)


def test_a_stored_event_that_is_refused_now_is_reported_once() -> None:
    kept = KeptRows()
    kept.record(completed("evt_first"))
    earlier = event(id="evt_earlier", created=NOW_S - 1, subject=session(id="cs_test_earlier"))
    last = event(id="evt_last", created=NOW_S + 1, subject=session(id="cs_test_last"))

    first, second = kept.record(earlier), kept.record(last)

    refused = failed("evt_first", ROOT_OF_ANOTHER)
    assert (first.broken, first.settled) == ([refused], [refused])
    assert second.broken == []
    assert refused in second.settled


def test_an_event_that_is_understood_later_is_settled_but_not_reported() -> None:
    """A charge of two payments, until an earlier session turns out to own both intents."""
    kept = KeptRows()
    kept.record(
        completed("evt_a", payment_intent="pi_1"),
        completed("evt_b", id="cs_test_b", payment_intent="pi_2"),
        event("charge.succeeded", charge(invoice="pi_2"), id="evt_charge"),
    )
    assert kept.events["evt_charge"].state is EventState.FAILED

    owner = session(payment_intent="pi_2")
    outcome = kept.record(event(id="evt_owner", created=NOW_S - 1, subject=owner))

    charge_is_folded = Settled(event_id="evt_charge", state=EventState.FOLDED, reason=None)
    assert charge_is_folded in outcome.settled
    assert [each.event_id for each in outcome.broken] == ["evt_b"]


def test_an_event_of_two_payments_fails_in_the_batch_that_brings_it() -> None:
    kept = KeptRows()
    kept.record(completed("evt_a"), completed("evt_b", id="cs_test_b", payment_intent="pi_2"))

    outcome = kept.record(event("charge.succeeded", charge(invoice="pi_2"), id="evt_charge"))

    assert outcome.ended == {"evt_charge": failed("evt_charge", JOINS_TWO)}
    assert outcome.broken == []
