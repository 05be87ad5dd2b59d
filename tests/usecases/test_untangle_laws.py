"""Whose an event is does not depend on the order of the events."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.payments.facts import PaymentFacts
from app.domain.stripe_events.evidence import Evidence
from app.domain.stripe_events.kinship import kinship

IDS = st.sampled_from(["a", "b", "c", "d", "e"])
SESSIONS = st.sampled_from(["cs_1", "cs_2", "cs_3"])
NEWS = st.builds(
    Evidence,
    session_id=st.none() | SESSIONS,
    object_ids=st.lists(IDS, max_size=3, unique=True).map(tuple),
    facts=st.just(PaymentFacts()),
    at_s=st.none() | st.integers(0, 2),
)
HISTORIES = st.lists(NEWS, max_size=9).map(
    lambda told: {f"evt_{number}": said for number, said in enumerate(told)}
)


@given(st.data(), HISTORIES)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_whose_an_event_is_does_not_depend_on_the_order(
    data: st.DataObject, history: dict[str, Evidence]
) -> None:
    disordered = dict(data.draw(st.permutations(list(history.items()))))

    assert kinship(disordered) == kinship(history)


@given(HISTORIES)
def test_no_event_that_is_counted_joins_two_payments(history: dict[str, Evidence]) -> None:
    found = kinship(history)

    touched: dict[str, set[str]] = {}
    for event_id, session_id in found.session_of.items():
        if history[event_id].session_id is None:
            for object_id in history[event_id].object_ids:
                touched.setdefault(object_id, set()).add(session_id)
    for event_id in found.refused:
        assert (
            history[event_id].session_id
            or len(history[event_id].object_ids) > 1
            or any(
                len(touched.get(object_id, ())) > 1 for object_id in history[event_id].object_ids
            )
        )


@given(HISTORIES)
def test_without_a_second_session_everything_that_is_reached_belongs_to_the_first(
    history: dict[str, Evidence],
) -> None:
    alone = {name: said for name, said in history.items() if said.session_id in {None, "cs_1"}}

    found = kinship(alone)

    assert not found.refused
    assert set(found.session_of.values()) <= {"cs_1"}
