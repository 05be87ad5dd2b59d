"""Properties of all facts and all histories."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.domain.payments.facts import PaymentFacts
from app.domain.payments.status import PaymentStatus
from app.domain.stripe_events.evidence import Evidence
from tests.support.builders import Document
from tests.support.readings import evidence_in, fold
from tests.support.strategies import facts, histories

FLAGS = ("paid", "awaits_bank", "bank_failed", "expired")
PAID = frozenset(
    {
        PaymentStatus.PAID,
        PaymentStatus.PARTIALLY_REFUNDED,
        PaymentStatus.REFUNDED,
        PaymentStatus.DISPUTED,
    }
)


def disordered(data: st.DataObject, told: Sequence[Evidence]) -> list[Evidence]:
    """The same evidence in any order, any of it any number of times."""
    again = data.draw(st.lists(st.sampled_from(told), max_size=8))
    return data.draw(st.permutations([*told, *again]))


def standing_refunds_of_the_first_payment(history: Sequence[Document]) -> int:
    """The sum, from the events alone: what was refunded and was never said to have failed."""
    refunds = [
        (document["type"], document["data"]["object"])
        for document in history
        if document["data"]["object"]["object"] == "refund"
    ]
    failed = {
        refund["id"]
        for type_, refund in refunds
        if type_ == "refund.failed" or refund["status"] == "failed"
    }
    return sum(
        {
            refund["id"]: refund["amount"]
            for _, refund in refunds
            if refund["id"] not in failed and refund["payment_intent"] == "pi_1_0"
        }.values()
    )


# --- the join


@given(facts(), facts())
def test_joining_is_commutative(one: PaymentFacts, other: PaymentFacts) -> None:
    assert one.join(other) == other.join(one)


@given(facts(), facts(), facts())
def test_joining_is_associative(one: PaymentFacts, two: PaymentFacts, three: PaymentFacts) -> None:
    assert one.join(two).join(three) == one.join(two.join(three))


@given(facts())
def test_joining_is_idempotent(some: PaymentFacts) -> None:
    assert some.join(some) == some


@given(facts())
def test_joining_nothing_changes_nothing(some: PaymentFacts) -> None:
    assert some.join(PaymentFacts()) == some
    assert PaymentFacts().join(some) == some


@given(facts(), facts())
def test_what_is_proven_stays_proven(one: PaymentFacts, other: PaymentFacts) -> None:
    joined = one.join(other)

    for flag in FLAGS:
        assert getattr(joined, flag) == (getattr(one, flag) or getattr(other, flag))
    assert joined.join(one) == joined


@given(facts())
def test_all_facts_have_a_status_and_a_sum(some: PaymentFacts) -> None:
    assert (some.status in PAID) == some.is_paid
    assert some.amount_refunded_minor >= 0
    assert some.renewals_paid >= 0
    assert not some.contradicted or some.bank_failed or some.expired


@given(facts())
def test_a_failed_refund_is_never_counted(some: PaymentFacts) -> None:
    standing = sum(refund.amount_minor for refund in some.refunds.values() if refund.stands)
    reported = sum(charge.refunded_minor for charge in some.charges.values())

    # Of a hold, what is not captured counts, too.
    charged = replace(some, intents={}).join(PaymentFacts(paid=True))
    assert charged.amount_refunded_minor <= standing + reported
    if not reported:
        assert charged.amount_refunded_minor <= standing


# --- the fold


@given(st.data(), histories())
def test_disorder_and_duplicates_do_not_matter(
    data: st.DataObject, history: list[Document]
) -> None:
    told = evidence_in(history)

    in_disorder = fold(*disordered(data, told))

    assert in_disorder == fold(*told)
    assert in_disorder.status is fold(*told).status
    assert in_disorder.amount_refunded_minor == fold(*told).amount_refunded_minor


@given(histories(), st.integers(0, 60))
def test_folding_in_two_parts_is_folding_at_once(history: list[Document], cut: int) -> None:
    told = evidence_in(history)

    assert fold(*told[:cut]).join(fold(*told[cut:])) == fold(*told)


@given(st.data(), histories())
def test_paid_never_goes_back(data: st.DataObject, history: list[Document]) -> None:
    told = disordered(data, evidence_in(history))

    known, was_paid = PaymentFacts(), False
    for said in told:
        known = known.join(said.facts)
        assert known.status in PAID or not was_paid
        was_paid = known.status in PAID


@given(histories())
def test_all_of_stripes_events_are_understood(history: list[Document]) -> None:
    told = evidence_in(history)

    assert len(told) == len(history)
    assert not any(said.doubts for said in told)


@given(histories(payments_max=1))
def test_just_the_standing_refunds_of_the_first_payment_have_gone_back(
    history: list[Document],
) -> None:
    known = fold(*evidence_in(history))

    assert known.amount_refunded_minor == standing_refunds_of_the_first_payment(history)


@given(histories(payments_max=1))
def test_every_renewal_counts_once(history: list[Document]) -> None:
    renewals = {
        document["data"]["object"]["id"]
        for document in history
        if document["type"] == "invoice.paid"
        and document["data"]["object"]["billing_reason"] == "subscription_cycle"
    }

    assert fold(*evidence_in(history)).renewals_paid == len(renewals)


@given(histories(payments_max=1))
def test_all_events_of_one_payment_have_matching_ids(history: list[Document]) -> None:
    assert not fold(*evidence_in(history)).contradicted
