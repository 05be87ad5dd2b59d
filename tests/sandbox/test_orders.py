import orjson
import pytest

from sandbox.altan_pay.orders import OrderRefusedError, parse_order
from tests.support.sandbox.local_servers import order_body

MUG = "price_sandbox_mug"
CLUB = "price_sandbox_club"


def changed(**fields: object) -> object:
    """The documented body with some of the payload's fields replaced."""
    payload = order_body()["payload"]
    assert isinstance(payload, dict)
    return {"payload": payload | fields}


def without(field: str) -> object:
    payload = order_body()["payload"]
    assert isinstance(payload, dict)
    return {"payload": {name: value for name, value in payload.items() if name != field}}


def test_the_amount_is_the_sum_of_prices_times_quantities() -> None:
    order = parse_order(orjson.dumps(order_body((MUG, 2), ("price_unknown", 3))))

    assert order.amount_minor == 2 * 1450 + 3 * 1000
    assert order.currency == "usd"


def test_further_parameters_of_stripes_are_taken_and_kept() -> None:
    further = {"metadata": {"gift": "yes"}, "locale": "de", "allow_promotion_codes": True}

    order = parse_order(orjson.dumps(changed(**further)))

    assert order.further == further


def test_an_unknown_price_recurs_in_subscription_mode_only() -> None:
    once = parse_order(orjson.dumps(order_body(("price_x", 1))))
    monthly = parse_order(orjson.dumps(order_body(("price_x", 1), mode="subscription")))

    assert once.lines[0].price.interval is None
    assert monthly.lines[0].price.interval == "month"


def test_a_subscription_may_come_with_one_time_prices() -> None:
    order = parse_order(orjson.dumps(order_body((CLUB, 1), (MUG, 1), mode="subscription")))

    assert order.amount_minor == 1900 + 1450


@pytest.mark.parametrize(("mode", "count"), [("payment", 100), ("subscription", 40)])
def test_as_many_lines_as_stripe_allows_are_sold(mode: str, count: int) -> None:
    order = parse_order(orjson.dumps(order_body(*[("price_x", 1)] * count, mode=mode)))

    assert len(order.lines) == count


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "The body must be an object"),
        ({}, "The body has no payload"),
        ({"payload": {}, "more": 1}, "The body has an unknown field: more"),
        ({"payload": []}, "payload must be an object"),
        (without("mode"), "payload has no mode"),
        (without("cancel_url"), "payload has no cancel_url"),
        (changed(customer="cus_1"), "payload has an unknown field: customer"),
        (changed(metadata=[]), "payload.metadata has the wrong type"),
        (changed(mode="setup"), "payload.mode must be"),
        (changed(mode=["payment"]), "payload.mode must be"),
        (changed(success_url=None), "payload.success_url must be a string"),
        (changed(success_url="https://a.test/" + "x" * 5000), "longer than 5000"),
        (changed(success_url="javascript:alert(1)"), "not an http or https URL"),
        (changed(success_url="/thanks"), "not an http or https URL"),
        (changed(success_url="https:///thanks"), "not an http or https URL"),
        (changed(cancel_url="https://[a.test"), "payload.cancel_url is not an http"),
        (changed(cancel_url="https://a.test/ b"), "payload.cancel_url is not an http"),
        (changed(cancel_url="https://a.test/\r\nX: y"), "payload.cancel_url is not an http"),
        (changed(line_items={}), "payload.line_items must be a list"),
        (changed(line_items=[]), "1 to 100 items in payment mode, not 0"),
        (order_body(*[(MUG, 1)] * 101), "1 to 100 items in payment mode, not 101"),
        (order_body(*[(CLUB, 1)] * 41, mode="subscription"), "1 to 40 items in subscription"),
        (changed(line_items=["price_a"]), r"line_items\[0\] must be an object"),
        (changed(line_items=[{"price": MUG}]), r"line_items\[0\] has no quantity"),
        (
            changed(line_items=[{"price": MUG, "quantity": 1, "amount": 5}]),
            "unknown field: amount",
        ),
        (changed(line_items=[{"price": 7, "quantity": 1}]), "no such price"),
        (order_body(("mug", 1)), "no such price"),
        (order_body(("price_" + "x" * 250, 1)), "price is too long"),
        (order_body((MUG, 0)), "quantity must be a whole number"),
        (order_body((MUG, 1_000_000)), "quantity must be a whole number"),
        (changed(line_items=[{"price": MUG, "quantity": True}]), "quantity must be a whole"),
        (changed(line_items=[{"price": MUG, "quantity": "1"}]), "quantity must be a whole"),
        (changed(line_items=[{"price": MUG, "quantity": 2.0}]), "quantity must be a whole"),
        (order_body((CLUB, 1)), "passed a recurring price"),
        (order_body((MUG, 1), mode="subscription"), "at least one recurring price"),
        (order_body((MUG, 1), ("price_sandbox_yen", 1)), "the same currency"),
    ],
)
def test_what_the_page_does_not_document_or_stripe_refuses_is_refused(
    body: object, message: str
) -> None:
    with pytest.raises(OrderRefusedError, match=message):
        parse_order(orjson.dumps(body))


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"price=price_a"])
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(OrderRefusedError, match="not JSON"):
        parse_order(body)
