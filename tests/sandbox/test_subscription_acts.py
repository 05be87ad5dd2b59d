import orjson
import pytest

from sandbox.altan_pay.orders import parse_order
from sandbox.stripe.acts import Act, ActRefusedError, perform
from sandbox.stripe.sessions import Session
from tests.support.sandbox.acting import a_subscription_session, after, told, types
from tests.support.sandbox.local_servers import order_body


def a_paid_subscription() -> Session:
    return after(Act.PAY, session=a_subscription_session())


def test_a_renewal_is_a_bill_of_its_own_for_a_later_period() -> None:
    paid = a_paid_subscription()

    first = perform(Act.RENEW, paid)
    second = perform(Act.RENEW, first.session)

    assert types(first) == ["customer.subscription.updated", "invoice.paid"]
    bills = [told(one, "invoice.paid") for one in (first, second)]
    assert {bill["billing_reason"] for bill in bills} == {"subscription_cycle"}
    assert len({bill["id"] for bill in bills} | {paid.invoice_id}) == 3
    subscriptions = [told(one, "customer.subscription.updated") for one in (first, second)]
    assert [one["latest_invoice"] for one in subscriptions] == [bill["id"] for bill in bills]
    periods = [one["items"]["data"][0] for one in subscriptions]
    assert periods[1]["current_period_start"] == periods[0]["current_period_end"]
    assert periods[0]["current_period_start"] > paid.created


def test_a_renewal_costs_only_what_comes_again() -> None:
    body = order_body(("price_sandbox_club", 1), ("price_sandbox_mug", 1), mode="subscription")
    session = Session(
        id="cs_test_1", fragment="fid1", order=parse_order(orjson.dumps(body)), created=1
    )

    renewed = perform(Act.RENEW, after(Act.PAY, session=session))

    assert told(renewed, "invoice.paid")["amount_paid"] == 1900


def test_a_canceled_subscription_has_ended_and_is_not_renewed() -> None:
    outcome = perform(Act.CANCEL, a_paid_subscription())

    assert types(outcome) == ["customer.subscription.deleted"]
    subscription = told(outcome, "customer.subscription.deleted")
    assert subscription["status"] == "canceled"
    assert subscription["ended_at"] == subscription["canceled_at"] > 0
    with pytest.raises(ActRefusedError, match="it is paid, canceled"):
        perform(Act.RENEW, outcome.session)


def test_a_running_subscription_has_not_ended() -> None:
    renewed = perform(Act.RENEW, a_paid_subscription())

    subscription = told(renewed, "customer.subscription.updated")
    assert (subscription["status"], subscription["ended_at"]) == ("active", None)
