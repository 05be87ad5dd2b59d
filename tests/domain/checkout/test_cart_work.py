"""How much is done for a hostile cart, counted."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from app.domain.checkout.cart import FAULTS_MAX, LINES_MAX
from app.domain.errors import Fault, InvalidCartError, member_pointer
from tests.support.cart_documents import Wrap, both_forms, cart, faults_of, line, read

BUILDS_A_FAULT = Fault.__init__.__code__
POINTS_TO_A_MEMBER = member_pointer.__code__


class UnreadLines(list[object]):
    """A list whose entries may not be read."""

    def __iter__(self) -> Iterator[object]:
        raise AssertionError("an entry was read")


def calls_of(act: Callable[[], object]) -> Counter[object]:
    """Return how often each function is called, by its code."""
    calls: Counter[object] = Counter()

    def count(frame: FrameType, happening: str, _: Any) -> None:  # noqa: ANN401 of sys
        if happening == "call":
            calls[frame.f_code] += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        act()
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize(
    "document",
    [
        cart(*[None] * LINES_MAX),
        cart(*[{}] * LINES_MAX),
        cart(*[line(quantity=0, coupon="x")] * LINES_MAX),
        cart(*[line(quantity=999)] * LINES_MAX),
        cart(*[dict.fromkeys(map(str, range(7000)))]),
        cart(**dict.fromkeys(map(str, range(7000)))),
    ],
    ids=["null", "empty", "odd fields", "sums", "fields of a line", "fields"],
)
def test_no_more_faults_are_built_than_are_listed(document: dict[str, object]) -> None:
    calls = calls_of(lambda: faults_of(document))

    assert 1 <= calls[BUILDS_A_FAULT] <= FAULTS_MAX
    assert calls[POINTS_TO_A_MEMBER] <= FAULTS_MAX


def test_faults_that_are_not_listed_are_counted() -> None:
    document = cart(*[{}] * 500, **dict.fromkeys(map(str, range(100))))

    with pytest.raises(InvalidCartError) as caught:
        read(document)

    assert len(caught.value.faults) == FAULTS_MAX
    assert caught.value.detail.endswith(" 1099 more: see errors.")


@both_forms
def test_too_long_a_list_of_line_items_is_refused_unread(wrap: Wrap, at: str) -> None:
    lines = UnreadLines([line()] * (LINES_MAX + 1))

    faults = faults_of(wrap({"line_items": lines}))

    assert faults == [Fault(f"{at}/line_items", "must be at most 1000 lines")]


def test_a_price_may_be_in_many_lines() -> None:
    assert read(cart(*[line()] * 999)).cart.line_items[0].quantity == 999
