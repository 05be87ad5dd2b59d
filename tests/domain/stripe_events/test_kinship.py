"""Which payment each event belongs to, in any order."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.payments.facts import PaymentFacts
from app.domain.stripe_events.evidence import Evidence
from app.domain.stripe_events.kinship import JOINS_TWO, ROOT_OF_ANOTHER, kinship

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


def said(*object_ids: str, session_id: str | None = None, at_s: int | None = 1) -> Evidence:
    return Evidence(session_id, object_ids, PaymentFacts(), (), at_s)


def test_an_event_belongs_to_the_session_that_its_ids_lead_to() -> None:
    found = kinship(
        {
            "evt_session": said("pi_1", session_id="cs_1"),
            "evt_other": said("pi_2", session_id="cs_2"),
            "evt_charge": said("pi_1", "ch_1"),
            "evt_refund": said("ch_1", "re_1"),
            "evt_of_nobody": said("ch_9"),
        }
    )

    assert found.session_of == {
        "evt_session": "cs_1",
        "evt_other": "cs_2",
        "evt_charge": "cs_1",
        "evt_refund": "cs_1",
    }
    assert found.refused == {}


def test_an_event_between_two_payments_is_refused_and_leads_nowhere() -> None:
    found = kinship(
        {
            "evt_1": said("pi_1", session_id="cs_1"),
            "evt_2": said("pi_2", session_id="cs_2"),
            "evt_both": said("pi_1", "pi_2", "ch_1"),
            "evt_after": said("ch_1"),
        }
    )

    assert found.refused == {"evt_both": JOINS_TWO}
    assert found.session_of == {"evt_1": "cs_1", "evt_2": "cs_2"}


def test_ids_that_are_as_far_from_two_payments_belong_to_both() -> None:
    found = kinship(
        {
            "evt_1": said("pi_1", session_id="cs_1"),
            "evt_2": said("pi_2", session_id="cs_2"),
            "evt_a": said("pi_1", "ch_1"),
            "evt_b": said("pi_2", "ch_1"),
            "evt_c": said("ch_1"),
        }
    )

    assert found.refused == {"evt_c": JOINS_TWO}
    assert (found.session_of["evt_a"], found.session_of["evt_b"]) == ("cs_1", "cs_2")


@pytest.mark.parametrize("at_s", [1, 2_000_000_000_000])
def test_an_id_of_two_sessions_belongs_to_the_earlier_and_an_unknown_time_is_the_latest(
    at_s: int,
) -> None:
    found = kinship(
        {
            "evt_a": said("pi_1", session_id="cs_a", at_s=None),
            "evt_b": said("pi_1", session_id="cs_b", at_s=at_s + 1),
            "evt_c": said("pi_1", session_id="cs_c", at_s=at_s),
            "evt_charge": said("pi_1"),
        }
    )

    assert found.session_of == {
        "evt_a": "cs_a",
        "evt_b": "cs_b",
        "evt_c": "cs_c",
        "evt_charge": "cs_c",
    }
    assert found.refused == {"evt_a": ROOT_OF_ANOTHER, "evt_b": ROOT_OF_ANOTHER}
