"""The faults of a form are named by its fields, with the pointers of the same cart in JSON."""

import pytest

from app.domain.checkout.cart import Mode, read_checkout_request
from app.domain.checkout.catalog import Catalog, CatalogPrice
from app.domain.checkout.passed_fields import PassedField
from app.domain.errors import Fault, InvalidCartError, PriceNotForSaleError

LINE = {"price": "price_A", "quantity": 1}


def refused(document: dict[str, object], *may_pass: PassedField) -> InvalidCartError:
    with pytest.raises(InvalidCartError) as caught:
        read_checkout_request(document, quantity_max=9, may_pass=may_pass, is_form=True)
    return caught.value


@pytest.mark.parametrize(
    ("lines", "pointer", "words"),
    [
        (
            [LINE, {"price": "price_B", "quantity": "x"}],
            "/line_items/1/quantity",
            "the quantity of line 2 must be a whole number from 1 to 9",
        ),
        (
            [{"quantity": 1}],
            "/line_items/0/price",
            "the price of line 1 must be a Stripe price id, price_…",
        ),
        ([], "/line_items", "a form needs at least one price, each with its quantity"),
        (
            [{"price": f"price_{number}", "quantity": 1} for number in range(101)],
            "/line_items",
            "a form may contain at most 100 different prices in payment mode",
        ),
        ([LINE] * 1001, "/line_items", "a form may contain at most 1000 lines"),
    ],
    ids=["quantity", "price", "none", "many", "too many"],
)
def test_lines_are_named_as_pairs(lines: list[object], pointer: str, words: str) -> None:
    error = refused({"line_items": lines})

    assert error.faults == (Fault(pointer, words),)
    assert error.detail == f"The cart is not valid: {words}."


def test_a_field_is_named_as_it_is() -> None:
    error = refused({"line_items": [LINE], "mode": "setup"})

    assert error.faults == (Fault("/mode", 'must be "payment" or "subscription"'),)
    assert error.detail == 'The cart is not valid: mode must be "payment" or "subscription".'


def test_an_unknown_field_is_answered_with_the_fields_of_a_form() -> None:
    error = refused({"line_items": [LINE], "a/b~": "x"}, PassedField.LOCALE)

    assert error.faults[0].pointer == "/a~1b~0"
    assert error.detail == (
        "The cart is not valid: a/b~ is not a known field; use price, quantity, mode, "
        "success_url, cancel_url, client_reference_id, locale, idempotency_key."
    )


def test_metadata_is_named_with_its_brackets() -> None:
    document: dict[str, object] = {"line_items": [LINE], "metadata": {"note": "x" * 501}}

    error = refused(document, PassedField.METADATA)

    assert error.faults[0].pointer == "/metadata/note"
    assert error.detail.startswith("The cart is not valid: metadata[note] must be a string of")


def test_what_the_catalog_refuses_is_named_in_the_same_way() -> None:
    catalog = Catalog({"price_B": CatalogPrice(id="price_B", mode=Mode.PAYMENT)})
    form, json = (
        read_checkout_request({"line_items": [LINE]}, quantity_max=9, is_form=is_form)
        for is_form in (True, False)
    )

    with pytest.raises(PriceNotForSaleError) as of_form:
        catalog.check(form)
    with pytest.raises(PriceNotForSaleError) as of_json:
        catalog.check(json)

    title, pointer = "The cart contains something that is not for sale", "/line_items/0/price"
    words = "the price of line 1 is not for sale here"
    assert of_form.value.faults == (Fault(pointer, words),)
    assert of_form.value.detail == f"{title}: {words}."
    assert of_json.value.faults == (Fault(pointer, "is not for sale here"),)
    assert of_json.value.detail == f"{title}: {pointer} is not for sale here."
