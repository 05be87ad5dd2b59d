"""Only the first objects of a list count that is longer than Stripe's."""

import pytest

from app.domain.money import AMOUNT_MAX
from app.domain.payments.refunds import Refund, RefundState, amount_refunded_minor
from app.domain.stripe_events.evidence import LISTED_MAX
from tests.support.builders import NOW_S, Document
from tests.support.readings import evidence
from tests.support.stripe_objects import (
    charge,
    invoice,
    listing,
    payment_intent,
    refund,
    subscription,
)

TOO_MANY = 20_000


def long_list(make: str) -> Document:
    """One object more than count; the last ones would change what is read."""
    return listing(
        *(
            {
                "charges": charge(id=f"ch_{n}"),
                "refunds": refund(id=f"re_{n}"),
                "payments": {"payment": {"payment_intent": f"pi_{n}", "charge": f"ch_{n}"}},
                "items": {"id": f"si_{n}", "current_period_end": NOW_S - n},
            }[make]
            for n in range(TOO_MANY)
        )
    )


@pytest.mark.parametrize(
    ("type_", "subject", "name", "ids_max"),
    [
        ("payment_intent.created", payment_intent(), "charges", LISTED_MAX + 2),
        ("charge.updated", charge(), "refunds", 2),
        ("invoice.paid", invoice(), "payments", 2 * LISTED_MAX + 4),
        ("customer.subscription.updated", subscription(), "items", 2),
    ],
)
def test_the_first_objects_of_a_long_list_count_and_the_rest_is_reported(
    type_: str, subject: Document, name: str, ids_max: int
) -> None:
    read = evidence(type_, subject | {name: long_list(name)})

    assert read.doubts == (f"data.object.{name} lists more than {LISTED_MAX} objects",)
    assert len(read.object_ids) <= ids_max
    assert len(read.facts.refunds) <= LISTED_MAX
    ends = [state.current_period_end_s for state in read.facts.subscriptions.values()]
    assert ends in ([], [NOW_S - LISTED_MAX + 1])


def test_a_list_of_just_so_many_counts_whole() -> None:
    held = listing(*(refund(id=f"re_{n}") for n in range(LISTED_MAX)))

    read = evidence("charge.updated", charge(refunds=held))

    assert read.doubts == ()
    assert len(read.facts.refunds) == LISTED_MAX


def test_a_sum_of_amounts_is_an_amount() -> None:
    refunds = {
        f"re_{n}": Refund(state=RefundState.SUCCEEDED, amount_minor=AMOUNT_MAX) for n in range(3)
    }

    assert amount_refunded_minor(refunds, {}, counts=lambda *_: True) == AMOUNT_MAX
