"""What a shop sells, through the whole service: each checkout and payment is counted once."""

from pathlib import Path

import orjson
import pytest

from tests.support.builders import event, running_service, session, settings
from tests.support.stripe_objects import charge, invoice, listing
from tests.support.wire import answer, upstream

pytestmark = pytest.mark.anyio

GOOD = answer(orjson.dumps({"url": "https://checkout.stripe.com/c/pay/cs_test_a1"}))
CART = {"line_items": [{"price": "price_A", "quantity": 1}]}


async def test_sales_and_refunds_are_counted_once_whatever_is_repeated(tmp_path: Path) -> None:
    paid = event(subject=session(created=1_760_000_000 - 45))
    refunded = event("charge.refunded", charge(amount_refunded=500), id="evt_r")
    key = {"Accept": "application/json", "Idempotency-Key": "one"}
    async with (
        upstream(GOOD, GOOD) as altan_pay,
        running_service(settings(tmp_path, altan_pay_url=altan_pay.url)) as service,
    ):
        for headers in (key, key, {"Accept": "application/json"}):
            assert (await service.client.post("/checkout", json=CART, headers=headers)).is_success
        for document in (paid, paid, refunded, refunded):
            await service.deliver(document)
        metrics = (await service.client.get("/metrics")).text

    for line in (
        'altan_checkout_checkouts_started_total{mode="payment"} 2.0',
        'altan_checkout_payments_total{status="paid"} 1.0',
        'altan_checkout_payments_total{status="partially_refunded"} 1.0',
        'altan_checkout_payments_total{status="expired"} 0.0',
        'altan_checkout_refunded_minor_total{currency="eur"} 500.0',
        "altan_checkout_paid_seconds_sum 45.0",
    ):
        assert line in metrics


async def test_a_refund_of_a_renewal_is_counted_once_whenever_it_is_known_as_one(
    tmp_path: Path,
) -> None:
    first = session(mode="subscription", payment_intent=None, subscription="sub_1", invoice="in_1")
    renewal = invoice(
        id="in_2",
        billing_reason="subscription_cycle",
        payments=listing({"payment": {"payment_intent": "pi_2"}}),
    )
    refunded = charge(id="ch_2", payment_intent="pi_2", amount_refunded=500)
    more = charge(id="ch_2", payment_intent="pi_2", amount_refunded=700)
    async with running_service(settings(tmp_path)) as service:
        for document in (
            event(subject=first),
            event("invoice.paid", renewal, id="evt_i"),
            event("charge.refunded", refunded, id="evt_r1"),
            event("charge.refunded", refunded, id="evt_r2"),
            event("charge.refunded", more, id="evt_r3"),
        ):
            assert (await service.deliver(document)).is_success
        metrics = (await service.client.get("/metrics")).text

    assert 'altan_checkout_refunded_minor_total{currency="eur"} 700.0' in metrics
