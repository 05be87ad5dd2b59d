"""The notices of any history in any order: none is missing, and the last is true."""

from collections.abc import Sequence
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from app.domain.notifications.notices import Notice, notices
from app.domain.notifications.types import NotificationType as Type
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.flags import Flag
from app.domain.stripe_events.event import read_event
from app.domain.stripe_events.readers import read_evidence
from tests.support.builders import SESSION_ID, Document
from tests.support.strategies import facts, histories


def told_of(documents: Sequence[Document]) -> tuple[list[Notice], PaymentFacts | None]:
    """All that is told of one payment's events, in this order, and the last state.

    What is not the session's own waits until the session is known.
    """
    told: list[Notice] = []
    state: PaymentFacts | None = None
    waiting: list[PaymentFacts] = []
    for document in documents:
        evidence = read_evidence(read_event(document))
        if evidence is None:
            continue
        waiting.append(evidence.facts)
        if state is None and evidence.session_id is None:
            continue
        after = reduce(PaymentFacts.join, waiting, state or PaymentFacts())
        told += notices(state, after)
        state, waiting = after, []
    return told, state


@given(history=histories(payments_max=1), data=st.data())
def test_any_order_and_repetition_tells_nothing_twice_and_leaves_nothing_out(
    history: list[Document], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(history))
    repeated = data.draw(st.lists(st.sampled_from(history), max_size=5))

    told, last = told_of([*order, *repeated])

    ids = [notice.id_for(SESSION_ID) for notice in told if not may_come_back(notice)]
    assert len(set(ids)) == len(ids)
    if last is None:
        return
    for notice in notices(None, last):
        same_type = [each for each in told if each.type is notice.type]
        if notice.type in {Type.REFUNDED, Type.SUBSCRIPTION_UPDATED} and same_type:
            assert shown(same_type[-1]) == shown(notice)  # told as it is now
        elif notice.type is Type.SUBSCRIPTION_UPDATED:
            assert is_as_created(notice, history)
        else:
            assert notice in same_type


def may_come_back(notice: Notice) -> bool:
    """A fraud warning is open again if a full refund failed: the same id, so it is stored once."""
    return notice.type is Type.FLAGGED and notice.cause.startswith(Flag.FRAUD_WARNING)


def shown(notice: Notice) -> list[str]:
    """What is told of a sum or a subscription, without what makes it one of a kind."""
    words = notice.cause.split(" ")
    return words[:1] if notice.type is Type.REFUNDED else [words[0], *words[2:]]


def is_as_created(notice: Notice, history: Sequence[Document]) -> bool:
    """Whether an event about the subscription's creation told the same."""
    created = [each for each in history if each["type"] == "customer.subscription.created"]
    return any(
        subject["status"] == shown(notice)[1]
        for subject in (each["data"]["object"] for each in created)
    )


@given(facts(), facts())
def test_what_changes_nothing_tells_nothing(one: PaymentFacts, other: PaymentFacts) -> None:
    both = one.join(other)

    assert notices(both, both.join(one)) == []
    assert notices(both, both.join(other)) == []
