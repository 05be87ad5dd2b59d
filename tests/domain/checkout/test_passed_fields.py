"""The fields that a cart may hand on to the payment page, and their limits."""

import pytest

from app.domain.checkout.cart import CheckoutRequest, read_checkout_request
from app.domain.checkout.idempotency import fingerprint
from app.domain.checkout.passed_fields import PassedField
from app.domain.errors import Fault, InvalidCartError
from tests.support.cart_documents import Wrap, both_forms, cart

ALL = tuple(PassedField)
LONGEST = {f"{number:02}{'k' * 38}": "v" * 500 for number in range(50)}


def read(document: object, *may_pass: PassedField) -> CheckoutRequest:
    return read_checkout_request(document, quantity_max=999, may_pass=may_pass)


def faults_of(document: object, *may_pass: PassedField) -> list[Fault]:
    with pytest.raises(InvalidCartError) as caught:
        read(document, *may_pass)
    return list(caught.value.faults)


def test_allowed_fields_are_passed_as_they_are() -> None:
    fields = {
        "customer_email": "ann.o'hara+shop@mail.example.co.uk",
        "client_reference_id": "order-42",
        "locale": "pt-BR",
        "metadata": {"gift": "yes", "Note for us": ""},
    }

    request = read(cart(**fields), *ALL)

    assert request.passed == fields
    assert request.client_reference_id == "order-42"


def test_null_is_absent() -> None:
    request = read(cart(customer_email=None, locale=None, metadata=None), *ALL)

    assert request.passed == {}


@both_forms
@pytest.mark.parametrize("name", ["customer_email", "locale", "metadata"])
def test_a_field_that_the_owner_does_not_allow_is_refused_by_name(
    wrap: Wrap, at: str, name: str
) -> None:
    others = [field for field in ALL if field != name]

    (fault,) = faults_of(wrap(cart(**{name: "de"})), *others)

    assert fault.pointer == f"{at}/{name}"
    assert fault.detail == "is turned off; the shop's owner can allow it in ALTAN_PAY_PASS"


def test_a_made_up_field_is_not_said_to_be_one_that_could_be_allowed() -> None:
    (fault,) = faults_of(cart(coupon="x"))

    assert "ALTAN_PAY_PASS" not in fault.detail


def test_a_line_item_has_none_of_these_fields() -> None:
    document = {"line_items": [{"price": "price_A", "quantity": 1, "metadata": {}}]}

    (fault,) = faults_of(document, *ALL)

    assert fault == Fault("/line_items/0/metadata", "is not a known field; use price, quantity")


def test_the_order_number_is_accepted_but_passed_on_only_where_it_may_be() -> None:
    request = read(cart(client_reference_id="order-42"), PassedField.METADATA)

    assert request.client_reference_id == "order-42"
    assert request.passed == {}


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ann",
        "ann@",
        "@shop.example",
        "ann@shop",
        "ann@shop.",
        "ann@shop..example",
        "ann@a@shop.example",
        "ann lee@shop.example",
        "ann@shop.example\n",
        "ann\x00@shop.example",
        f"{'a' * 242}@shop.example",
        7,
        ["ann@shop.example"],
    ],
)
def test_what_is_no_email_is_refused_and_not_repeated(email: object) -> None:
    (fault,) = faults_of(cart(customer_email=email), PassedField.CUSTOMER_EMAIL)

    assert fault.pointer == "/customer_email"
    assert "shop.example" not in fault.detail


def test_an_email_may_have_254_characters() -> None:
    email = f"{'a' * 241}@shop.example"

    assert read(cart(customer_email=email), *ALL).passed == {"customer_email": email}


@pytest.mark.parametrize("locale", ["", "xx", "DE", "de_DE", 7, ["de"]])
def test_a_locale_that_stripe_does_not_list_is_refused(locale: object) -> None:
    (fault,) = faults_of(cart(locale=locale), PassedField.LOCALE)

    assert fault.pointer == "/locale"
    assert "auto, bg, " in fault.detail


def test_metadata_may_be_as_large_as_stripes() -> None:
    assert read(cart(metadata=LONGEST), *ALL).passed == {"metadata": LONGEST}


@pytest.mark.parametrize(
    ("metadata", "pointer"),
    [
        ([], "/metadata"),
        ("text", "/metadata"),
        (LONGEST | {"one more": ""}, "/metadata"),
        ({"k" * 41: "v"}, f"/metadata/{'k' * 41}"),
        ({"": "v"}, "/metadata/"),
        ({"a[b]": "v"}, "/metadata/a[b]"),
        ({"a/b~": 7}, "/metadata/a~1b~0"),
        ({"a": "v" * 501}, "/metadata/a"),
        ({"a": None}, "/metadata/a"),
        ({"a": {"b": "c"}}, "/metadata/a"),
    ],
)
def test_metadata_beyond_stripes_limits_is_refused_with_the_key(
    metadata: object, pointer: str
) -> None:
    (fault,) = faults_of(cart(metadata=metadata), PassedField.METADATA)

    assert fault.pointer == pointer


def test_personal_data_is_in_no_repr() -> None:
    request = read(cart(customer_email="ann@shop.example"), *ALL)

    assert "ann@" not in repr(request)


@pytest.mark.parametrize(
    "changes",
    [
        {"customer_email": "bob@shop.example"},
        {"locale": "en"},
        {"metadata": {"gift": "no"}},
        {"metadata": {}},
        {"metadata": None},
    ],
)
def test_another_passed_field_makes_another_cart(changes: dict[str, object]) -> None:
    fields: dict[str, object] = {
        "customer_email": "ann@shop.example",
        "locale": "de",
        "metadata": {"gift": "yes", "table": "7"},
    }

    one, other = read(cart(**fields), *ALL), read(cart(**fields | changes), *ALL)

    assert fingerprint(one) != fingerprint(other)


def test_the_order_of_metadata_makes_no_other_cart() -> None:
    one = read(cart(metadata={"a": "1", "b": "2"}), *ALL)
    other = read(cart(metadata={"b": "2", "a": "1"}), *ALL)

    assert fingerprint(one) == fingerprint(other)
