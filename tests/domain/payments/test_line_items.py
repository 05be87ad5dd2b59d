"""What was bought is compared with the cart by price and quantity."""

import pytest

from app.domain.checkout.cart import LineItem
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.flags import items_differ, needs_a_person
from app.domain.payments.line_items import differences
from app.domain.payments.session_details import SessionDetails

CART = (LineItem("price_A", 2), LineItem("price_B", 1))


@pytest.mark.parametrize(
    ("bought", "text"),
    [
        (CART, ""),
        (CART[::-1], ""),
        ((LineItem("price_A", 1), LineItem("price_B", 1), LineItem("price_A", 1)), ""),
        ((LineItem("price_A", 3), LineItem("price_B", 1)), "price_A: 3 instead of 2"),
        ((*CART, LineItem("price_UP", 1)), "price_UP: 1 instead of 0"),
        (
            (LineItem("price_UP", 2), LineItem("price_B", 1)),
            "price_A: 0 instead of 2, price_UP: 2 instead of 0",
        ),
    ],
)
def test_what_differs_is_named_with_both_quantities(
    bought: tuple[LineItem, ...], text: str
) -> None:
    assert differences(CART, bought) == text


def test_what_was_bought_joins_in_any_order() -> None:
    one, other = SessionDetails(bought=CART), SessionDetails(bought=CART[:1], items_differ=True)
    joined = SessionDetails(bought=CART, items_differ=True)

    assert one.join(other) == other.join(one) == joined.join(joined) == joined
    assert SessionDetails().join(one) == one


def test_line_items_are_settled_once_they_are_known_or_known_to_be_missing() -> None:
    missing = SessionDetails(items_missing=True)

    assert not SessionDetails().are_items_settled
    assert SessionDetails(bought=CART).are_items_settled
    assert missing.are_items_settled
    assert missing.join(SessionDetails()) == SessionDetails().join(missing) == missing


def test_a_payment_of_other_items_needs_a_person() -> None:
    differing = PaymentFacts(details=SessionDetails(items_differ=True))

    assert items_differ(differing)
    assert needs_a_person(differing)
    assert not items_differ(PaymentFacts())
    assert not items_differ(PaymentFacts(details=SessionDetails()))
