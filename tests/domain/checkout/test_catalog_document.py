"""The catalog's file: what it may contain, and what a mistake in it is told as."""

import tomllib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.checkout.cart import Mode
from app.domain.checkout.catalog import CatalogPrice, read_catalog
from app.domain.money import Money


def entry(**changes: object) -> dict[str, object]:
    values = {"id": "price_A", "mode": "payment"} | changes
    return {name: value for name, value in values.items() if value is not None}


def refusal(document: Mapping[str, object]) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        read_catalog(document)
    return str(caught.value)


@pytest.mark.parametrize(
    ("document", "allows_others"),
    [({}, False), ({"allow_other_prices": False}, False), ({"allow_other_prices": True}, True)],
)
def test_other_prices_are_refused_unless_the_file_allows_them(
    document: Mapping[str, object],
    allows_others: bool,  # noqa: FBT001 a row of the table
) -> None:
    assert read_catalog({**document, "price": [entry()]}).allows_others is allows_others


@pytest.mark.parametrize("value", ["true", 1, None, []])
def test_whether_other_prices_are_allowed_is_true_or_false(value: object) -> None:
    said = refusal({"allow_other_prices": value, "price": [entry()]})

    assert said == "allow_other_prices must be true or false"


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
            recurs=True,
            name="The club",
            max_quantity=1,
            unit=Money(amount_minor=0, currency="eur"),
        ),
    }


@pytest.mark.parametrize(
    ("changes", "recurs"),
    [
        ({"mode": "subscription"}, True),
        ({"mode": "subscription", "recurring": True}, True),
        ({"mode": "subscription", "recurring": False}, False),
        ({"mode": "payment"}, False),
        ({"mode": "payment", "recurring": False}, False),
    ],
)
def test_a_subscriptions_price_recurs_unless_the_file_says_otherwise(
    changes: Mapping[str, object],
    recurs: bool,  # noqa: FBT001 a row of the table
) -> None:
    assert read_catalog({"price": [entry(**changes)]}).prices["price_A"].recurs is recurs


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
        ({"recurring": "no"}, "recurring must be true or false"),
        ({"recurring": 1, "mode": "subscription"}, "recurring must be true or false"),
        ({"recurring": True}, 'a recurring price needs mode = "subscription"'),
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


@pytest.mark.parametrize(("name", "least"), [("max_quantity", 1), ("unit_amount_minor", 0)])
def test_a_number_may_be_so_large_that_a_total_still_fits_into_a_database(
    name: str, least: int
) -> None:
    def number(value: int) -> dict[str, object]:
        return {"price": [entry(currency="eur", unit_amount_minor=1) | {name: value}]}

    for allowed in (least, 10**10 - 1):
        assert set(read_catalog(number(allowed)).prices) == {"price_A"}
    for refused in (least - 1, 10**10):
        assert name in refusal(number(refused))


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"price": []},
        {"price": {}},
        {"prices": [entry()]},
        {"price": [entry()], "x": 1},
        {"allow_other_prices": True},
    ],
)
def test_a_file_of_anything_else_is_refused(document: Mapping[str, object]) -> None:
    words = "must contain at least one [[price]] table, and nothing but allow_other_prices"
    assert refusal(document) == words


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
FIELDS = ("id", "mode", "recurring", "name", "max_quantity", "unit_amount_minor", "currency")
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
    st.sampled_from(["price", "allow_other_prices", "other"]),
    st.lists(ENTRIES | VALUES, max_size=3) | VALUES,
    max_size=2,
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
