import pytest

from app.domain.checkout.cart import Cart, CheckoutRequest, LineItem, Mode, read_checkout_request
from app.domain.checkout.catalog import Catalog, CatalogPrice
from app.domain.errors import Fault, PriceNotForSaleError
from app.domain.money import ExpectedSubtotal, Money

CATALOG = Catalog(
    {
        "price_mug": CatalogPrice(
            id="price_mug",
            mode=Mode.PAYMENT,
            max_quantity=5,
            unit=Money(amount_minor=1250, currency="eur"),
        ),
        "price_pin": CatalogPrice(
            id="price_pin", mode=Mode.PAYMENT, unit=Money(amount_minor=300, currency="eur")
        ),
        "price_dollar": CatalogPrice(
            id="price_dollar", mode=Mode.PAYMENT, unit=Money(amount_minor=100, currency="usd")
        ),
        "price_gift": CatalogPrice(id="price_gift", mode=Mode.PAYMENT),
        "price_club": CatalogPrice(id="price_club", mode=Mode.SUBSCRIPTION, recurs=True),
        "price_box": CatalogPrice(
            id="price_box",
            mode=Mode.SUBSCRIPTION,
            recurs=True,
            unit=Money(amount_minor=1900, currency="eur"),
        ),
        "price_setup": CatalogPrice(
            id="price_setup",
            mode=Mode.SUBSCRIPTION,
            unit=Money(amount_minor=500, currency="eur"),
        ),
    }
)


def request(
    *lines: tuple[str, int], wrapped: bool = False, mode: str = "payment"
) -> CheckoutRequest:
    document: dict[str, object] = {
        "line_items": [{"price": price, "quantity": quantity} for price, quantity in lines],
        "mode": mode,
    }
    return read_checkout_request({"payload": document} if wrapped else document, quantity_max=100)


def faults(asked: CheckoutRequest) -> list[Fault]:
    with pytest.raises(PriceNotForSaleError) as caught:
        CATALOG.check(asked)
    return list(caught.value.faults)


def cart(*items: tuple[str, int]) -> Cart:
    return Cart(tuple(LineItem(*item) for item in items), Mode.PAYMENT)


# What is for sale


def test_what_the_catalog_lists_may_be_bought_up_to_its_limit() -> None:
    CATALOG.check(request(("price_mug", 5), ("price_pin", 100)))
    CATALOG.check(request(("price_club", 1), mode="subscription"))


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        (request(("price_X", 1)), Fault("/line_items/0/price", "is not for sale here")),
        (
            request(("price_club", 1)),
            Fault("/line_items/0/price", "is sold in subscription mode only"),
        ),
        (
            request(("price_mug", 1), mode="subscription"),
            Fault("/line_items/0/price", "is sold in payment mode only"),
        ),
        (request(("price_mug", 6)), Fault("/line_items/0/quantity", "must be at most 5")),
    ],
    ids=["unknown", "subscription only", "payment only", "too many"],
)
def test_a_line_is_refused_where_it_stands(asked: CheckoutRequest, fault: Fault) -> None:
    assert faults(asked) == [fault]


@pytest.mark.parametrize(("wrapped", "at"), [(False, ""), (True, "/payload")])
def test_every_line_at_fault_is_named_by_where_it_stood_in_the_body(
    wrapped: bool,  # noqa: FBT001 a test's parameter
    at: str,
) -> None:
    asked = request(
        ("price_pin", 1),
        ("price_pin", 1),
        ("price_mug", 3),
        ("price_X", 1),
        ("price_mug", 3),
        ("price_club", 1),
        wrapped=wrapped,
    )

    assert [fault.pointer for fault in faults(asked)] == [
        f"{at}/line_items/2/quantity",
        f"{at}/line_items/3/price",
        f"{at}/line_items/5/price",
    ]


# What it costs


def test_of_an_empty_cart_no_subtotal_is_expected() -> None:
    assert CATALOG.expected_subtotal(Cart((), Mode.PAYMENT)) is None


def test_the_expected_subtotal_is_the_sum_of_all_lines() -> None:
    expected = CATALOG.expected_subtotal(cart(("price_mug", 2), ("price_pin", 3)))

    sum_minor = 2 * 1250 + 3 * 300
    assert expected == ExpectedSubtotal(
        amount_minor=sum_minor, currency="eur", in_trial_minor=sum_minor
    )


def test_in_a_trial_only_the_one_time_fees_of_a_subscription_are_expected() -> None:
    items = (LineItem("price_box", 2), LineItem("price_setup", 3))

    expected = CATALOG.expected_subtotal(Cart(items, Mode.SUBSCRIPTION))

    assert expected == ExpectedSubtotal(
        amount_minor=2 * 1900 + 3 * 500, currency="eur", in_trial_minor=3 * 500
    )


@pytest.mark.parametrize("other", ["price_gift", "price_dollar"])
def test_nothing_is_expected_of_a_cart_with_an_unknown_amount_or_two_currencies(other: str) -> None:
    assert CATALOG.expected_subtotal(cart(("price_mug", 1), (other, 1))) is None


# Other prices


OPEN = Catalog(CATALOG.prices, allows_others=True)


def test_a_catalog_that_allows_others_still_limits_what_it_lists() -> None:
    asked = request(("price_X", 1), ("price_mug", 6), ("price_club", 1))

    with pytest.raises(PriceNotForSaleError) as caught:
        OPEN.check(asked)

    assert [fault.pointer for fault in caught.value.faults] == [
        "/line_items/1/quantity",
        "/line_items/2/price",
    ]
    OPEN.check(request(("price_X", 100)))


def test_nothing_is_expected_of_a_cart_with_a_price_that_is_not_listed() -> None:
    assert OPEN.expected_subtotal(cart(("price_mug", 1), ("price_X", 1))) is None
