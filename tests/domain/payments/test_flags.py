from hypothesis import given
from hypothesis import strategies as st

from app.domain.payments.disputes import Dispute, DisputeState, FraudWarning, Review
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.flags import Flag, Flags, needs_a_person, new_flags, open_matters
from app.domain.payments.refunds import Refund, RefundState

OPEN = Dispute(state=DisputeState.OPEN, amount_minor=5)
LOST = Dispute(state=DisputeState.LOST, amount_minor=5)
WARNED = PaymentFacts(paid=True, amount_total_minor=100, fraud_warnings={"issfr_1": FraudWarning()})


def some_flags() -> st.SearchStrategy[Flags]:
    causes = st.frozensets(st.sampled_from(["a", "b", "c"]), min_size=1)
    return st.dictionaries(st.sampled_from(Flag), causes)


def test_a_flag_that_was_not_there_is_new_with_all_its_causes() -> None:
    after = {Flag.DISPUTED: frozenset({"dp_1", "dp_2"})}

    assert new_flags({}, after) == after


def test_a_flag_with_one_more_cause_is_new_with_that_one_alone() -> None:
    before = {Flag.DISPUTED: frozenset({"dp_1"}), Flag.REVIEW: frozenset({"prv_1"})}
    after = {Flag.DISPUTED: frozenset({"dp_1", "dp_2"}), Flag.REVIEW: frozenset({"prv_1"})}

    assert new_flags(before, after) == {Flag.DISPUTED: frozenset({"dp_2"})}


def test_a_flag_that_loses_a_cause_is_not_new() -> None:
    before = {Flag.DISPUTED: frozenset({"dp_1", "dp_2"})}

    assert new_flags(before, {Flag.DISPUTED: frozenset({"dp_2"})}) == {}
    assert new_flags(before, {}) == {}


@given(before=some_flags(), after=some_flags())
def test_what_is_new_and_what_was_there_are_all_that_is_there_now(
    before: Flags, after: Flags
) -> None:
    new = new_flags(before, after)

    assert new_flags(after, after) == {}
    assert all(causes for causes in new.values())
    for flag, causes in after.items():
        known = before.get(flag, frozenset())
        assert new.get(flag, frozenset()) == causes - known


def test_a_dispute_and_a_review_are_open_until_they_end() -> None:
    facts = PaymentFacts(
        disputes={"dp_1": OPEN, "dp_2": LOST},
        reviews={"prv_1": Review(closed=False), "prv_2": Review(closed=True)},
    )

    assert open_matters(facts) == {
        Flag.DISPUTED: frozenset({"dp_1"}),
        Flag.REVIEW: frozenset({"prv_1"}),
    }
    assert not needs_a_person(PaymentFacts(disputes={"dp_2": LOST}))


def test_a_fraud_warning_is_open_until_it_asks_for_nothing_any_more() -> None:
    part = PaymentFacts(refunds={"re_1": Refund(state=RefundState.SUCCEEDED, amount_minor=99)})
    whole = PaymentFacts(refunds={"re_2": Refund(state=RefundState.SUCCEEDED, amount_minor=1)})
    disputed = PaymentFacts(disputes={"dp_1": LOST})
    answered = PaymentFacts(fraud_warnings={"issfr_1": FraudWarning(answered=True)})

    assert open_matters(WARNED) == {Flag.FRAUD_WARNING: frozenset({"issfr_1"})}
    assert needs_a_person(WARNED.join(part))
    for more in (part.join(whole), disputed, answered):
        assert not needs_a_person(WARNED.join(more))


def test_a_contradiction_needs_a_person() -> None:
    assert needs_a_person(PaymentFacts(paid=True, expired=True))
