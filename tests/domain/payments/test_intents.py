"""Payment intents: a declined attempt is remembered, and what a capture left is known."""

import itertools

import pytest

from app.domain.payments.intents import Intent, IntentState, paid_minor, uncaptured_minor

KNOWN = [Intent(state=state) for state in IntentState]
DECLINED = [Intent(state=state, declined_before=True) for state in list(IntentState)[1:]]


def test_a_decline_is_remembered_in_any_order() -> None:
    for one, two, three in itertools.product([*KNOWN, *DECLINED], repeat=3):
        joined = one.join(two).join(three)
        assert joined == one.join(two.join(three)) == three.join(two).join(one)
        assert joined.was_declined == any(each.was_declined for each in (one, two, three))
        assert one.join(one) == one


@pytest.mark.parametrize(
    ("received_minor", "total_minor", "currency", "left"),
    [
        (999, 1000, "eur", {"pi_1": 1}),
        (1000, 1000, "eur", {}),
        (1001, 1000, "eur", {}),
        (999, 1000, "usd", {}),
        (999, 1000, None, {"pi_1": 1}),
        (None, 1000, "eur", {}),
        (0, 1000, "eur", {}),
        (999, None, "eur", {}),
    ],
)
def test_what_a_capture_leaves_of_a_hold_is_released(
    received_minor: int | None, total_minor: int | None, currency: str | None, left: dict[str, int]
) -> None:
    captured = Intent(state=IntentState.SUCCEEDED, received_minor=received_minor, currency=currency)

    assert uncaptured_minor({"pi_1": captured}, total_minor, "eur") == left


def test_several_captures_of_one_hold_are_added() -> None:
    captures = {
        f"pi_{number}": Intent(state=IntentState.SUCCEEDED, received_minor=300) for number in (2, 1)
    }

    assert uncaptured_minor(captures, 1000, "eur") == {"pi_1": 400}


@pytest.mark.parametrize(
    ("amount_minor", "received_minor", "currency", "left_minor", "sum_minor"),
    [
        (1000, 999, "eur", 1, 1000),
        (1000, 999, None, 1, 1000),
        (1000, 1000, "eur", 0, 1000),
        (1000, 1001, "eur", 0, 1001),  # Stripe: payments/overcapture
        (1000, None, "eur", 0, 1000),
        (1000, 999, "usd", 0, None),
        (None, 999, "eur", 8000, None),
    ],
)
def test_an_intents_own_amount_says_what_is_left_and_what_was_paid(
    amount_minor: int | None,
    received_minor: int | None,
    currency: str | None,
    left_minor: int,
    sum_minor: int | None,
) -> None:
    intent = Intent(
        state=IntentState.SUCCEEDED,
        amount_minor=amount_minor,
        received_minor=received_minor,
        currency=currency,
    )

    left = uncaptured_minor({"pi_1": intent}, 8999, "eur")
    assert left == ({"pi_1": left_minor} if left_minor else {})
    assert paid_minor({"pi_1": intent}, "eur") == sum_minor


def test_what_was_paid_is_known_only_if_it_is_known_of_each_intent() -> None:
    known = Intent(state=IntentState.SUCCEEDED, amount_minor=300, received_minor=300)
    unknown = Intent(state=IntentState.SUCCEEDED, received_minor=300)

    assert paid_minor({"pi_1": known, "pi_2": known}, "eur") == 600
    assert paid_minor({"pi_1": known, "pi_2": unknown}, "eur") is None
    assert paid_minor({}, "eur") is None
