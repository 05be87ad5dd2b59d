"""The fold's work grows with the events, not with their square: however long their chain is."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import pytest

from app.domain.fold.asking import Surroundings, Wanted
from app.domain.fold.fold import Fold
from app.domain.fold.readings import EventReading
from app.domain.fold.records import EventState, StoredEvent
from app.domain.stripe_events.event import read_event
from tests.support.builders import event
from tests.support.readings import evidence, evidence_of_session
from tests.support.stripe_objects import charge, refund


class Chain:
    """Stored events of which each names the id that the next one names, too; counts questions."""

    def __init__(self, length: int) -> None:
        self._length = length
        self.questions = 0

    def inform(self, fold: Fold) -> None:
        while wanted := fold.wanted():
            self.questions += 1
            fold.learn(Surroundings(mentioned=wanted.around, events=self._found(wanted)))

    def _found(self, wanted: Wanted) -> Sequence[StoredEvent]:
        if not wanted.mentioning:
            return ()
        assert wanted.limit is not None
        assert wanted.limit >= 2
        (object_id,) = wanted.mentioning
        number = int(object_id.removeprefix("pi_"))
        return [self._event(n) for n in (number - 1, number) if 0 <= n < self._length]

    def _event(self, number: int) -> StoredEvent:
        document = event(
            "charge.succeeded",
            charge(id=f"pi_{number + 1}", payment_intent=f"pi_{number}"),
            id=f"evt_{number}",
        )
        return StoredEvent(id=f"evt_{number}", state=EventState.WAITING, event=read_event(document))


@contextmanager
def counted_calls() -> Iterator[list[int]]:
    """How many functions are called meanwhile, Python's own included."""
    calls = [0]

    def count(_: FrameType, kind: str, __: object) -> None:
        calls[0] += kind in {"call", "c_call"}

    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(None)


def work_of_a_chain(length: int) -> tuple[int, int]:
    """How many questions, and how many calls, it takes to wake that many."""
    chain = Chain(length)
    completed = EventReading("evt_completed", evidence_of_session(payment_intent="pi_0"))
    with counted_calls() as calls:
        fold = Fold([completed], wake_max=10 * length)
        chain.inform(fold)
    assert len(fold.outcome(1).woken_ids) == length
    return chain.questions, calls[0]


@pytest.mark.thorough
def test_a_chain_of_waiting_events_costs_as_much_for_each_link_however_long() -> None:
    questions, calls = work_of_a_chain(200)
    more_questions, more_calls = work_of_a_chain(2000)

    assert more_questions < 11 * questions
    assert more_calls < 11 * calls


@pytest.mark.thorough
def test_many_events_of_one_session_meet_it_once() -> None:
    def calls_for(count: int) -> int:
        readings = [
            EventReading(f"evt_{n}", evidence("refund.created", refund())) for n in range(count)
        ]
        readings.append(EventReading("evt_completed", evidence_of_session()))
        with counted_calls() as calls:
            fold = Fold(readings, wake_max=0)
            Chain(0).inform(fold)
        assert len(fold.outcome(1).links) == 2
        return calls[0]

    assert calls_for(2000) < 11 * calls_for(200)
