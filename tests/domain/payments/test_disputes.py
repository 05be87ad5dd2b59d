import itertools
from typing import Any

import pytest

from app.domain.payments.disputes import Dispute, DisputeState, Review
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.status import PaymentStatus

IN_ORDER = [
    DisputeState.OPEN,
    DisputeState.WARNING_CLOSED,
    DisputeState.PREVENTED,
    DisputeState.WON,
    DisputeState.LOST,
]


def dispute(state: DisputeState = DisputeState.OPEN, /, **changes: Any) -> Dispute:  # noqa: ANN401 any field
    return Dispute(state=state, **({"amount_minor": 100} | changes))


def status_with(*disputes: Dispute, paid: bool = True) -> PaymentStatus:
    """The status of a payment beside which these disputes stand."""
    by_id = {f"dp_{number}": dispute for number, dispute in enumerate(disputes)}
    return PaymentFacts(paid=paid, disputes=by_id).status


@pytest.mark.parametrize(("lower", "higher"), list(itertools.combinations(IN_ORDER, 2)))
def test_a_dispute_only_goes_up_in_rank(lower: DisputeState, higher: DisputeState) -> None:
    assert dispute(lower).join(dispute(higher)) == dispute(higher)
    assert dispute(higher).join(dispute(lower)) == dispute(higher)


def test_an_amount_that_was_raised_stays_so() -> None:
    assert dispute(amount_minor=7).join(dispute(amount_minor=5)).amount_minor == 7
    assert dispute(amount_minor=5).join(dispute(amount_minor=7)).amount_minor == 7


@pytest.mark.parametrize("name", ["charge_id", "intent_id"])
def test_a_dispute_keeps_the_ids_that_either_side_knows(name: str) -> None:
    known = dispute(**{name: "a"})

    assert known.join(dispute()) == known
    assert dispute().join(known) == known
    assert dispute(**{name: "b"}).join(known) == known


@pytest.mark.parametrize("name", ["funds_withdrawn", "funds_reinstated"])
def test_money_that_has_moved_has_moved(name: str) -> None:
    moved = dispute(**{name: True})

    assert moved.join(dispute()) == moved
    assert dispute().join(moved) == moved
    assert moved.join(moved) == moved
    assert dispute().join(dispute()) == dispute()


def test_no_money_has_moved_until_it_is_said() -> None:
    assert not dispute().funds_withdrawn
    assert not dispute().funds_reinstated


@pytest.mark.parametrize(
    ("state", "against"),
    [
        (DisputeState.OPEN, True),
        (DisputeState.WARNING_CLOSED, False),
        (DisputeState.PREVENTED, False),
        (DisputeState.WON, False),
        (DisputeState.LOST, True),
    ],
)
def test_only_an_open_or_lost_dispute_is_against_the_shop(
    state: DisputeState,
    against: bool,  # noqa: FBT001 a row of the table
) -> None:
    assert dispute(state).is_against_the_shop is against
    assert (status_with(dispute(state)) is PaymentStatus.DISPUTED) is against


def test_one_dispute_against_the_shop_is_enough() -> None:
    won, lost = dispute(DisputeState.WON), dispute(DisputeState.LOST)

    assert status_with(won, lost) is PaymentStatus.DISPUTED
    assert status_with(lost, won) is PaymentStatus.DISPUTED
    assert status_with(won, won) is PaymentStatus.PAID


def test_a_dispute_of_what_was_never_paid_says_nothing_of_the_status() -> None:
    assert status_with(dispute(), paid=False) is PaymentStatus.OPEN


def test_a_review_once_closed_stays_closed() -> None:
    opened, closed = Review(closed=False), Review(closed=True)

    assert opened.join(opened) == opened
    assert opened.join(closed) == closed
    assert closed.join(opened) == closed
    assert closed.join(closed) == closed


def test_the_states_have_the_stored_values() -> None:
    assert [state.value for state in DisputeState] == [
        "open",
        "warning_closed",
        "prevented",
        "won",
        "lost",
    ]


@pytest.mark.parametrize(
    ("state", "word", "status"),
    [
        (DisputeState.OPEN, None, "needs_response"),
        (DisputeState.LOST, None, "lost"),
        (DisputeState.OPEN, "under_review", "under_review"),
    ],
)
def test_a_dispute_has_stripes_status(state: DisputeState, word: str | None, status: str) -> None:
    assert dispute(state, word=word).status == status


@pytest.mark.parametrize(
    ("word", "state", "is_to_be_answered"),
    [
        ("needs_response", DisputeState.OPEN, True),
        ("warning_needs_response", DisputeState.OPEN, True),
        (None, DisputeState.OPEN, True),
        ("under_review", DisputeState.OPEN, False),
        ("warning_under_review", DisputeState.OPEN, False),
        ("needs_response", DisputeState.LOST, False),
        ("won", DisputeState.WON, False),
        (None, DisputeState.WON, False),
    ],
)
def test_the_shop_may_answer_a_dispute_until_it_is_under_review_or_over(
    *, word: str | None, state: DisputeState, is_to_be_answered: bool
) -> None:
    assert dispute(state, word=word).is_to_be_answered is is_to_be_answered
