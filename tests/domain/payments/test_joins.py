from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.payments.disputes import Review
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.joins import either, join_by_id, join_ids, join_known, later_word

IDS = st.frozensets(st.sampled_from("abcde")).map(lambda ids: tuple(sorted(ids)))


@pytest.mark.parametrize(
    ("left", "right", "known"),
    [
        (None, None, None),
        (None, 0, 0),
        (0, None, 0),
        (3, None, 3),
        (None, 3, 3),
        (3, 5, 3),
        (5, 3, 3),
        (0, 3, 0),
        (3, 3, 3),
    ],
)
def test_what_is_known_is_taken_and_the_choice_is_made_between_two(
    left: int | None, right: int | None, known: int | None
) -> None:
    assert either(min, left, right) == known


def test_the_choice_is_the_callers() -> None:
    assert either(max, 3, 5) == 5
    assert either(min, "b", "a") == "a"


def test_objects_of_both_sides_are_kept_and_one_that_both_know_is_joined() -> None:
    left = {"a": Review(closed=False), "b": Review(closed=False)}
    right = {"b": Review(closed=True), "c": Review(closed=False)}

    joined = join_by_id(left, right)

    assert joined == {
        "a": Review(closed=False),
        "b": Review(closed=True),
        "c": Review(closed=False),
    }


def test_joining_changes_neither_side() -> None:
    left, right = {"a": Review(closed=False)}, {"a": Review(closed=True)}

    join_by_id(left, right)

    assert left == {"a": Review(closed=False)}
    assert right == {"a": Review(closed=True)}


def test_where_one_side_knows_nothing_the_other_is_the_answer_uncopied() -> None:
    objects, ids = {"a": Review(closed=True)}, ("a", "b")

    assert join_by_id(objects, {}) is objects
    assert join_by_id({}, objects) is objects
    assert join_ids(ids, ()) is ids
    assert join_ids((), ids) is ids


@pytest.mark.parametrize(
    ("left", "right", "joined"),
    [
        ((), (), ()),
        (("a",), (), ("a",)),
        ((), ("a",), ("a",)),
        (("a",), ("a",), ("a",)),
        (("b",), ("a",), ("a", "b")),
        (("a", "c"), ("b", "c"), ("a", "b", "c")),
    ],
)
def test_ids_are_kept_once_and_sorted(
    left: tuple[str, ...], right: tuple[str, ...], joined: tuple[str, ...]
) -> None:
    assert join_ids(left, right) == joined


@given(st.lists(IDS, max_size=6))
def test_ids_joined_in_any_order_are_the_union(parts: list[tuple[str, ...]]) -> None:
    nothing: tuple[str, ...] = ()
    union = tuple(sorted(set().union(*parts)))

    assert reduce(join_ids, parts, nothing) == union
    assert reduce(join_ids, reversed(parts), nothing) == union


def test_the_later_word_counts_and_an_unknown_one_is_none() -> None:
    words = ("pending", "succeeded", "failed")

    assert later_word(words, "pending", "failed") == "failed"
    assert later_word(words, "failed", "succeeded") == "failed"
    assert later_word(words, None, "pending") == later_word(words, "pending", None) == "pending"
    assert later_word(words, None, None) is None


def test_what_one_side_knows_is_known() -> None:
    known = Review(closed=True)

    assert join_known(None, known) is join_known(known, None) is known
    assert join_known(Review(closed=False), known) == known
    assert join_known(None, None) is None


def test_a_session_that_can_be_recovered_once_stays_so() -> None:
    recoverable = PaymentFacts(recoverable=True)

    assert recoverable.join(PaymentFacts()).recoverable
    assert PaymentFacts().join(recoverable).recoverable
    assert not PaymentFacts().join(PaymentFacts()).recoverable
