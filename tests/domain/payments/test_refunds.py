import itertools
from typing import Any

import pytest

from app.domain.payments.facts import PaymentFacts
from app.domain.payments.refunds import Charge, Refund, RefundState, amount_refunded_minor
from tests.support.readings import evidence, fold
from tests.support.stripe_objects import charge as charge_object
from tests.support.stripe_objects import listing
from tests.support.stripe_objects import refund as refund_object

PENDING, SUCCEEDED, FAILED = RefundState.PENDING, RefundState.SUCCEEDED, RefundState.FAILED


def refund(amount_minor: int, state: RefundState = SUCCEEDED, /, **changes: Any) -> Refund:  # noqa: ANN401 any field
    fields = {"charge_id": "ch_1", "intent_id": "pi_1"} | changes
    return Refund(state=state, amount_minor=amount_minor, **fields)


def charge(refunded_minor: int, intent_id: str | None = "pi_1") -> Charge:
    return Charge(refunded_minor=refunded_minor, intent_id=intent_id)


def sum_of(*refunds: Refund, not_counted: str = "", **charges: Charge) -> int:
    by_id = {f"re_{number}": refund for number, refund in enumerate(refunds)}
    return amount_refunded_minor(by_id, charges, counts=lambda *ids: not_counted not in ids)


# --- one refund, one charge


@pytest.mark.parametrize(
    ("lower", "higher"), list(itertools.combinations([PENDING, SUCCEEDED, FAILED], 2))
)
def test_a_refund_only_goes_up_in_rank(lower: RefundState, higher: RefundState) -> None:
    assert refund(5, lower).join(refund(5, higher)) == refund(5, higher)
    assert refund(5, higher).join(refund(5, lower)) == refund(5, higher)


@pytest.mark.parametrize(("state", "stands"), [(PENDING, True), (SUCCEEDED, True), (FAILED, False)])
def test_a_refund_stands_until_it_fails(
    state: RefundState,
    stands: bool,  # noqa: FBT001 a row of the table
) -> None:
    assert refund(5, state).stands is stands


def test_of_two_amounts_of_one_object_the_larger_is_kept() -> None:
    assert refund(5).join(refund(7)) == refund(7).join(refund(5)) == refund(7)
    assert charge(5).join(charge(7)) == charge(7).join(charge(5)) == charge(7)


@pytest.mark.parametrize("name", ["charge_id", "intent_id"])
def test_a_refund_keeps_the_ids_that_either_side_knows(name: str) -> None:
    known, unknown = refund(5, **{name: "a"}), refund(5, **{name: None})

    assert known.join(unknown) == unknown.join(known) == known
    assert refund(5, **{name: "b"}).join(known) == known


def test_a_charge_keeps_the_intent_that_either_side_knows() -> None:
    assert charge(5, None).join(charge(5, "a")) == charge(5, "a")
    assert charge(5, "a").join(charge(5, None)) == charge(5, "a")
    assert charge(5, "b").join(charge(5, "a")) == charge(5, "a")


def test_a_refund_and_a_charge_need_no_ids() -> None:
    assert Refund(state=PENDING, amount_minor=5) == refund(
        5, PENDING, charge_id=None, intent_id=None
    )
    assert Charge(refunded_minor=5) == charge(5, None)


# --- what has gone back


def test_nothing_has_gone_back_of_what_nobody_spoke() -> None:
    assert sum_of() == 0


def test_pending_and_succeeded_refunds_add_up_and_failed_ones_do_not() -> None:
    assert sum_of(refund(1, PENDING), refund(20), refund(300, FAILED)) == 21


def test_a_charge_and_its_refunds_tell_the_same_story() -> None:
    assert sum_of(refund(200), refund(300), ch_1=charge(500)) == 500


@pytest.mark.parametrize(
    ("refunds", "reported", "gone_back"),
    [
        ([], 500, 500),
        ([refund(200)], 500, 500),
        ([refund(500)], 200, 500),
        ([refund(500, FAILED)], 500, 0),
        ([refund(200, FAILED)], 500, 300),
        ([refund(200, FAILED), refund(300)], 500, 300),
        ([refund(300, FAILED), refund(300)], 300, 300),
        ([refund(700, FAILED)], 500, 0),
        ([refund(200, FAILED), refund(100, FAILED)], 500, 200),
    ],
)
def test_the_larger_of_the_standing_and_the_reported_less_the_failed_counts(
    refunds: list[Refund], reported: int, gone_back: int
) -> None:
    assert sum_of(*refunds, ch_1=charge(reported)) == gone_back


def test_each_payment_intent_is_summed_separately() -> None:
    other = refund(40, charge_id="ch_2", intent_id="pi_2")

    assert sum_of(refund(7), other, ch_1=charge(7), ch_2=charge(10, "pi_2")) == 47


def test_a_failed_refund_of_one_payment_takes_nothing_from_another() -> None:
    failed = refund(500, FAILED, charge_id="ch_2", intent_id="pi_2")

    assert sum_of(failed, ch_1=charge(300), ch_2=charge(500, "pi_2")) == 300


def test_the_charges_of_one_payment_intent_add_up() -> None:
    assert sum_of(ch_1=charge(300), ch_2=charge(200)) == 500


def test_a_refund_that_names_only_its_charge_is_of_the_charges_intent() -> None:
    assert sum_of(refund(300, intent_id=None), ch_1=charge(300)) == 300


def test_a_refund_that_names_only_its_intent_is_of_its_charges() -> None:
    assert sum_of(refund(300, charge_id=None), ch_1=charge(300)) == 300


def test_a_refund_and_a_charge_without_an_intent_meet_by_the_charges_id() -> None:
    assert sum_of(refund(300, intent_id=None), ch_1=charge(300, None)) == 300


def test_refunds_of_nothing_known_count_too() -> None:
    nameless = refund(5, charge_id=None, intent_id=None)

    assert sum_of(nameless, nameless) == 10
    assert sum_of(nameless, refund(7, FAILED, charge_id=None, intent_id=None)) == 5
    assert sum_of(nameless, ch_1=charge(20)) == 25


@pytest.mark.parametrize(
    "refunds",
    [
        [refund(300)],
        [refund(300, intent_id=None)],
        [refund(300, charge_id=None)],
    ],
)
@pytest.mark.parametrize("not_counted", ["pi_1", "ch_1"])
def test_what_does_not_count_is_in_no_sum(refunds: list[Refund], not_counted: str) -> None:
    other = refund(1, charge_id="ch_2", intent_id="pi_2")

    counted = sum_of(*refunds, other, not_counted=not_counted, ch_1=charge(300))

    assert counted == (301 if refunds[0].charge_id is None and not_counted == "ch_1" else 1)


# --- as events tell it


def test_a_refund_that_failed_moves_the_sum_back_in_any_order() -> None:
    told = [
        evidence("refund.created", refund_object(status="pending")),
        evidence("charge.refunded", charge_object(amount_refunded=500)),
        evidence("refund.updated", refund_object(status="succeeded")),
        evidence("refund.failed", refund_object(status="succeeded")),
        evidence("charge.updated", charge_object(amount_refunded=0)),
    ]

    for order in itertools.permutations(told):
        assert fold(*order).amount_refunded_minor == 0


def test_refunds_that_an_old_charge_holds_are_counted_once() -> None:
    held = listing(refund_object(id="re_1", amount=200), refund_object(id="re_2", amount=300))

    facts = fold(
        evidence("charge.refunded", charge_object(amount_refunded=500, refunds=held)),
        evidence("refund.created", refund_object(id="re_1", amount=200)),
    )

    assert facts.amount_refunded_minor == 500


def test_facts_without_refunds_have_nothing_gone_back() -> None:
    assert PaymentFacts(paid=True).amount_refunded_minor == 0


def test_the_states_have_the_stored_values() -> None:
    assert [state.value for state in RefundState] == ["pending", "succeeded", "failed"]


@pytest.mark.parametrize(("word", "status"), [("canceled", "canceled"), (None, "failed")])
def test_its_status_is_stripes_own_if_that_is_known(word: str | None, status: str) -> None:
    assert Refund(state=RefundState.FAILED, amount_minor=1, word=word).status == status
