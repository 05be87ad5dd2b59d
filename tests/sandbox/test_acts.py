import orjson
import pytest

from sandbox.altan_pay.orders import parse_order
from sandbox.stripe.acts import Act, ActRefusedError, perform
from sandbox.stripe.events import build_event
from sandbox.stripe.sessions import Session, Stage
from tests.support.sandbox.acting import a_session, a_subscription_session, after, told, types
from tests.support.sandbox.local_servers import order_body


def test_paying_completes_the_session_as_paid() -> None:
    outcome = perform(Act.PAY, a_session())

    assert types(outcome) == [
        "payment_intent.created",
        "payment_intent.succeeded",
        "charge.succeeded",
        "checkout.session.completed",
    ]
    completed = told(outcome, "checkout.session.completed")
    assert completed["status"] == "complete"
    assert completed["payment_status"] == "paid"
    assert completed["amount_subtotal"] == completed["amount_total"] == 2900
    assert completed["currency"] == "usd"
    assert completed["mode"] == "payment"
    assert completed["livemode"] is False
    assert completed["client_reference_id"] is None
    assert completed["metadata"] == {}
    assert completed["subscription"] is None
    assert completed["invoice"] is None


def test_session_charge_and_payment_intent_of_a_payment_are_linked() -> None:
    outcome = perform(Act.PAY, a_session())

    intent = told(outcome, "payment_intent.succeeded")
    charge = told(outcome, "charge.succeeded")
    completed = told(outcome, "checkout.session.completed")
    assert completed["payment_intent"] == charge["payment_intent"] == intent["id"]
    assert intent["latest_charge"] == charge["id"]
    assert intent["amount_received"] == charge["amount_captured"] == 2900


def test_subscribing_links_session_subscription_and_invoice() -> None:
    outcome = perform(Act.PAY, a_subscription_session())

    assert types(outcome) == [
        "customer.subscription.created",
        "invoice.paid",
        "checkout.session.completed",
    ]
    subscription = told(outcome, "customer.subscription.created")
    invoice = told(outcome, "invoice.paid")
    completed = told(outcome, "checkout.session.completed")
    assert subscription["status"] == "active"
    assert subscription["latest_invoice"] == invoice["id"] == completed["invoice"]
    assert completed["subscription"] == subscription["id"]
    assert completed["payment_intent"] is None
    details = invoice["parent"]["subscription_details"]
    assert details["subscription"] == subscription["id"]
    assert invoice["amount_paid"] == 3800
    assert {one["customer"] for one in (subscription, invoice, completed)} != {None}


def test_only_recurring_lines_become_items_of_the_subscription() -> None:
    body = order_body(("price_sandbox_club", 1), ("price_sandbox_mug", 1), mode="subscription")
    order = parse_order(orjson.dumps(body))
    session = Session(id="cs_test_1", fragment="fid1", order=order, created=1)

    outcome = perform(Act.PAY, session)

    items = told(outcome, "customer.subscription.created")["items"]["data"]
    assert [item["price"]["id"] for item in items] == ["price_sandbox_club"]


def test_paying_later_completes_the_session_as_unpaid() -> None:
    outcome = perform(Act.PAY_LATER, a_session())

    assert types(outcome) == [
        "payment_intent.created",
        "payment_intent.processing",
        "checkout.session.completed",
    ]
    completed = told(outcome, "checkout.session.completed")
    assert (completed["status"], completed["payment_status"]) == ("complete", "unpaid")


def test_a_bank_that_succeeds_makes_the_payment_paid() -> None:
    waiting = perform(Act.PAY_LATER, a_session()).session

    outcome = perform(Act.BANK_SUCCEEDS, waiting)

    assert types(outcome) == [
        "payment_intent.succeeded",
        "charge.succeeded",
        "checkout.session.async_payment_succeeded",
    ]
    told_session = told(outcome, "checkout.session.async_payment_succeeded")
    assert told_session["payment_status"] == "paid"
    assert told_session["payment_intent"] == waiting.payment_intent_id


def test_a_bank_that_refuses_leaves_the_session_complete_and_unpaid() -> None:
    waiting = perform(Act.PAY_LATER, a_session()).session

    outcome = perform(Act.BANK_FAILS, waiting)

    assert types(outcome) == [
        "payment_intent.payment_failed",
        "checkout.session.async_payment_failed",
    ]
    told_session = told(outcome, "checkout.session.async_payment_failed")
    assert (told_session["status"], told_session["payment_status"]) == ("complete", "unpaid")


def test_a_subscription_paid_by_bank_becomes_active_when_the_bank_succeeds() -> None:
    waiting = perform(Act.PAY_LATER, a_subscription_session())
    assert told(waiting, "customer.subscription.created")["status"] == "incomplete"

    outcome = perform(Act.BANK_SUCCEEDS, waiting.session)

    assert types(outcome) == [
        "invoice.paid",
        "customer.subscription.updated",
        "checkout.session.async_payment_succeeded",
    ]
    assert told(outcome, "customer.subscription.updated")["status"] == "active"


def test_a_subscription_whose_bank_refuses_has_an_unpaid_invoice() -> None:
    waiting = perform(Act.PAY_LATER, a_subscription_session()).session

    outcome = perform(Act.BANK_FAILS, waiting)

    assert types(outcome) == ["invoice.payment_failed", "checkout.session.async_payment_failed"]
    invoice = told(outcome, "invoice.payment_failed")
    assert (invoice["status"], invoice["amount_remaining"]) == ("open", 3800)


def test_a_declined_card_leaves_the_session_open_for_another_try_with_the_same_intent() -> None:
    declined = perform(Act.DECLINE, a_session())
    declined_again = perform(Act.DECLINE, declined.session)

    paid = perform(Act.PAY, declined_again.session)

    assert types(declined) == ["payment_intent.created", "payment_intent.payment_failed"]
    assert types(declined_again) == ["payment_intent.payment_failed"]
    assert declined_again.session.stage is Stage.OPEN
    failed = told(declined, "payment_intent.payment_failed")
    assert failed["last_payment_error"]["code"] == "card_declined"
    assert told(paid, "checkout.session.completed")["payment_intent"] == failed["id"]
    assert "payment_intent.created" not in types(paid)


def test_expiring_sends_only_its_event() -> None:
    outcome = perform(Act.EXPIRE, a_session())

    assert types(outcome) == ["checkout.session.expired"]
    expired = told(outcome, "checkout.session.expired")
    assert (expired["status"], expired["payment_status"]) == ("expired", "unpaid")
    assert expired["payment_intent"] is None


@pytest.mark.parametrize(
    ("session", "acts"),
    [
        (a_session(), ["pay", "pay_later", "decline", "expire"]),
        (after(Act.DECLINE), ["pay", "pay_later", "decline", "expire"]),
        (after(Act.PAY_LATER), ["bank_succeeds", "bank_fails"]),
        (after(Act.EXPIRE), []),
        (after(Act.PAY_LATER, Act.BANK_FAILS), []),
        (after(Act.PAY), ["refund", "dispute_open"]),
        (after(Act.PAY_LATER, Act.BANK_SUCCEEDS), ["refund", "dispute_open"]),
        (after(Act.PAY, Act.REFUND), []),
        (after(Act.PAY, Act.DISPUTE_OPEN), ["dispute_win", "dispute_lose"]),
        (after(Act.PAY, Act.DISPUTE_OPEN, Act.DISPUTE_WIN), ["refund", "dispute_open"]),
        (after(Act.PAY, Act.DISPUTE_OPEN, Act.DISPUTE_LOSE), []),
        (after(Act.PAY, session=a_subscription_session()), ["renew", "cancel"]),
        (after(Act.PAY, Act.RENEW, session=a_subscription_session()), ["renew", "cancel"]),
        (after(Act.PAY, Act.CANCEL, session=a_subscription_session()), []),
    ],
    ids=lambda value: value.standing if isinstance(value, Session) else None,
)
def test_what_can_happen_follows_from_what_has_happened(session: Session, acts: list[str]) -> None:
    possible = [act.value for act in Act if act.is_possible(session)]

    assert possible == acts
    for act in set(Act) - set(possible):
        with pytest.raises(ActRefusedError, match=session.stage):
            perform(Act(act), session)


def test_the_bank_has_no_say_before_the_buyer_chose_it() -> None:
    with pytest.raises(ActRefusedError, match="awaiting_bank"):
        perform(Act.BANK_SUCCEEDS, a_session())


def test_an_event_has_the_envelope_of_stripes_events() -> None:
    event = build_event("charge.succeeded", {"id": "ch_1"}, session_id="cs_test_1", created=17)

    body = orjson.loads(event.body)
    assert body.pop("request")["id"].startswith("req_")
    assert body.pop("id") == event.id
    assert event.id.startswith("evt_")
    assert body == {
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": 17,
        "data": {"object": {"id": "ch_1"}},
        "livemode": False,
        "pending_webhooks": 1,
        "type": "charge.succeeded",
    }
