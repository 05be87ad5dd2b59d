"""Which return URLs and passed fields are alike, so that Altan Pay fails on all or on none."""

import pytest

from app.domain.checkout.passed_fields import PassedFields
from app.domain.limits.cart_shapes import (
    PLAIN_VALUE_LENGTH_MAX,
    SHAPE_LENGTH_MAX,
    Shape,
    shape_of,
)

ROOT = "https://shop.example/"
IDS = "session_id={CHECKOUT_SESSION_ID}&checkout_id="


def of_success(url: str) -> Shape | None:
    return shape_of(url, ROOT, {})


def of_passed(**passed: str | dict[str, str]) -> Shape | None:
    return shape_of(ROOT, ROOT, passed)


@pytest.mark.parametrize(
    ("one", "another"),
    [
        (f"{ROOT}?{IDS}0193a1&checkout_key=aB3-_x", f"{ROOT}?{IDS}0193b2&checkout_key=x-_9"),
        (f"{ROOT}?checkout_key={'a' * 43}", f"{ROOT}?checkout_key={'_' * 43}"),
        (f"{ROOT}thanks?order=7", f"{ROOT}thanks?order=1234567890"),
        (f"{ROOT}orders/8f3a-1/thanks", f"{ROOT}orders/77/thanks"),
        (f"{ROOT}#/thanks?total=19.90", f"{ROOT}#/thanks?total=7.00"),
        ("HTTPS://Shop.Example:443/a", "https://shop.example/a"),
    ],
)
def test_urls_that_differ_only_in_ids_are_alike(one: str, another: str) -> None:
    assert of_success(one) == of_success(another) is not None


@pytest.mark.parametrize(
    "odd",
    [
        "https://shop.example",
        "http://shop.example/",
        "https://shop1.example/",
        "https://shop.example:8443/",
        f"{ROOT}cart",
        f"{ROOT}?%zz",
        f"{ROOT}?order=%zz",
        f"{ROOT}?order=1%zz",
        f"{ROOT}?order=1&order=2",
        f"{ROOT}?orders=1",
        f"{ROOT}?order=1#2",
        f"{ROOT}?order=1'2",
        f"{ROOT}?order={'1' * 101}",
        f"{ROOT}?order=",
        f"{ROOT}?order=..",
        f"{ROOT}?order=aaaaaaaaaaaaaaaaaaa",
    ],
)
def test_an_odd_url_is_like_no_usual_one(odd: str) -> None:
    for usual in (ROOT, f"{ROOT}?order=1"):
        assert shape_of(odd, ROOT, {}) != shape_of(usual, ROOT, {})
        assert shape_of(ROOT, odd, {}) != shape_of(ROOT, usual, {})


def test_a_success_url_is_not_like_a_cancel_url() -> None:
    assert shape_of(ROOT, f"{ROOT}a", {}) != shape_of(f"{ROOT}a", ROOT, {})


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ({"customer_email": "a.b+c@shop.example"}, {"customer_email": "x@another.example"}),
        ({"client_reference_id": "order-1"}, {"client_reference_id": "order-22"}),
        ({"metadata": {"a": "1", "b": ""}}, {"metadata": {"b": "x y", "a": "A"}}),
        ({"locale": "de", "metadata": {}}, {"metadata": {}, "locale": "pt-BR"}),
    ],
)
def test_the_same_passed_fields_with_plain_values_are_alike(
    one: PassedFields, another: PassedFields
) -> None:
    assert shape_of(ROOT, ROOT, one) == shape_of(ROOT, ROOT, another) is not None


def test_other_fields_are_not_alike() -> None:
    shapes = {
        of_passed(),
        of_passed(locale="de"),
        of_passed(customer_email="a@shop.example"),
        of_passed(metadata={"a": "1"}),
        of_passed(metadata={"a": "1", "b": "1"}),
        of_passed(metadata={"a\nmetadata b": "1"}),
    }

    assert len(shapes) == 6
    assert None not in shapes


@pytest.mark.parametrize(
    "odd", ["a..b@shop.example", "-a@shop.example", "ü", "a\n", "{}", " ", "1" * 101]
)
def test_an_unusual_value_has_no_shape(odd: str) -> None:
    assert of_passed(customer_email=odd) is None
    assert of_passed(metadata={"a": "1", "b": odd}) is None


def test_no_personal_data_is_kept() -> None:
    shape = of_passed(customer_email="jane@shop.example", metadata={"size": "jane"})

    assert shape is not None
    assert "jane" not in "".join(shape)


def test_what_is_longer_than_we_keep_has_no_shape() -> None:
    at_most = f"{ROOT}{'a/' * ((SHAPE_LENGTH_MAX - 2 * len(ROOT)) // 2)}"

    assert of_success(at_most) is not None
    assert of_success(f"{at_most}a/") is None
    assert of_passed(metadata={"a": "1" * PLAIN_VALUE_LENGTH_MAX}) is not None
