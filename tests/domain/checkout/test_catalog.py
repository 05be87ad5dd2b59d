import tomllib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.checkout.cart import Cart, CheckoutRequest, LineItem, Mode, read_checkout_request
from app.domain.checkout.catalog import Catalog, CatalogPrice, read_catalog
from app.domain.errors import Fault, PriceNotForSaleError
from app.domain.money import Money

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
        "price_club": CatalogPrice(id="price_club", mode=Mode.SUBSCRIPTION),
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


def entry(**changes: object) -> dict[str, object]:
    values = {"id": "price_A", "mode": "payment"} | changes
    return {name: value for name, value in values.items() if value is not None}


def refusal(document: Mapping[str, object]) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        read_catalog(document)
    return str(caught.value)


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


def test_the_expected_subtotal_is_the_sum_of_all_lines() -> None:
    expected = CATALOG.expected_subtotal(cart(("price_mug", 2), ("price_pin", 3)))

    assert expected == Money(amount_minor=2 * 1250 + 3 * 300, currency="eur")


@pytest.mark.parametrize("other", ["price_gift", "price_dollar"])
def test_nothing_is_expected_of_a_cart_with_an_unknown_amount_or_two_currencies(other: str) -> None:
    assert CATALOG.expected_subtotal(cart(("price_mug", 1), (other, 1))) is None


# The file


def test_a_whole_catalog_is_read() -> None:
    catalog = read_catalog(
        tomllib.loads(
            """
            [[price]]
            id = "price_A"

            [[price]]
            id = "price_B"
            mode = "subscription"
            name = "The club"
            max_quantity = 1
            unit_amount_minor = 0
            currency = "eur"
            """
        )
    )

    assert catalog.prices == {
        "price_A": CatalogPrice(id="price_A", mode=Mode.PAYMENT),
        "price_B": CatalogPrice(
            id="price_B",
            mode=Mode.SUBSCRIPTION,
            name="The club",
            max_quantity=1,
            unit=Money(amount_minor=0, currency="eur"),
        ),
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": None}, "id must be a Stripe price id"),
        ({"id": "prod_1"}, "id must be a Stripe price id"),
        ({"id": ["price_A"]}, "id must be a Stripe price id"),
        ({"mode": "setup"}, "mode must be"),
        ({"mode": ["payment"]}, "mode must be"),
        ({"mode": {}}, "mode must be"),
        ({"mode": 1}, "mode must be"),
        ({"name": 1}, "name must be text"),
        ({"max_quantity": 0}, "max_quantity must be a whole number of at least 1"),
        ({"max_quantity": 1.0}, "max_quantity must be"),
        ({"max_quantity": True}, "max_quantity must be"),
        ({"max_quantity": 2**60}, "max_quantity must be"),
        ({"unit_amount_minor": 1}, "unit_amount_minor and currency"),
        ({"currency": "eur"}, "unit_amount_minor and currency"),
        ({"unit_amount_minor": 1, "currency": "EUR"}, "unit_amount_minor and currency"),
        ({"unit_amount_minor": 1, "currency": 978}, "unit_amount_minor and currency"),
        ({"unit_amount_minor": -1, "currency": "eur"}, "unit_amount_minor must be"),
        ({"unit_amount_minor": "1", "currency": "eur"}, "unit_amount_minor must be"),
        ({"unit_amount": 1}, "unit_amount is not a known field; use id"),
    ],
)
def test_a_fault_is_reported_with_its_entry_and_field(
    changes: Mapping[str, object], words: str
) -> None:
    said = refusal({"price": [entry(id="price_Z"), entry(**changes)]})

    assert said.startswith("[[price]] number 2: ")
    assert words in said


@pytest.mark.parametrize(
    "document",
    [{}, {"price": []}, {"price": {}}, {"prices": [entry()]}, {"price": [entry()], "x": 1}],
)
def test_a_file_of_anything_else_is_refused(document: Mapping[str, object]) -> None:
    assert refusal(document) == "must contain at least one [[price]] table, and nothing else"


def test_an_entry_that_is_no_table_is_refused() -> None:
    assert refusal({"price": ["price_A"]}) == "[[price]] number 1: must be a table"


def test_a_price_that_is_listed_twice_is_refused() -> None:
    said = refusal({"price": [entry(), entry(mode="subscription")]})

    assert said == "[[price]] number 2: price_A is listed twice"


SCALARS = (
    st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.times()
    | st.datetimes()
    | st.sampled_from(["price_A", "payment", "subscription", "eur"])
)
VALUES = st.recursive(
    SCALARS,
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values),
    max_leaves=4,
)
FIELDS = ("id", "mode", "name", "max_quantity", "unit_amount_minor", "currency")
ENTRIES = st.dictionaries(
    st.sampled_from([*FIELDS, "x"]), VALUES, max_size=6
) | st.fixed_dictionaries(
    {"id": st.sampled_from(["price_A", "price_B"])},
    optional={
        "mode": st.sampled_from(["payment", "subscription"]) | VALUES,
        "max_quantity": st.integers(),
        "unit_amount_minor": st.integers(),
        "currency": st.sampled_from(["eur", "EUR"]),
    },
)
DOCUMENTS = st.dictionaries(
    st.sampled_from(["price", "other"]), st.lists(ENTRIES | VALUES, max_size=3) | VALUES, max_size=2
)


@given(DOCUMENTS)
def test_any_toml_is_a_catalog_or_refused_with_a_message(
    document: Mapping[str, object],
) -> None:
    try:
        catalog = read_catalog(document)
    except ValueError as error:
        assert str(error)  # noqa: PT017 either outcome is good
    else:
        assert catalog.prices
        for price_id, price in catalog.prices.items():
            assert price.id == price_id
            assert isinstance(price.mode, Mode)
            assert price.max_quantity is None or price.max_quantity >= 1
            assert price.unit is None or price.unit.amount_minor >= 0
