import pytest

from app.domain.stripe_events.account import never_made
from app.domain.stripe_events.event import read_event
from tests.support.builders import Document, event, thin_event

NOTICE = "v2.core.health.event_generation_failure.resolved"
IMPACT = {
    "event_type": "checkout.session.completed",
    "related_object": {"id": "cs_test_a1", "type": "checkout.session", "url": "/v1/x"},
}


def notice(data: object) -> Document:
    return thin_event(type=NOTICE, data=data)


def test_a_notice_names_what_was_never_made_and_about_which_object() -> None:
    lost = never_made(read_event(notice({"alert_id": "al_1", "impact": IMPACT})))

    assert str(lost) == "checkout.session.completed about checkout.session cs_test_a1"


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"impact": None},
        {"impact": {"related_object": 7}},
        {"impact": {"event_type": {}}},
    ],
)
def test_what_a_notice_does_not_name_is_called_unknown(data: object) -> None:
    assert str(never_made(read_event(notice(data)))) == "unknown about unknown unknown"


def test_arbitrary_texts_are_not_repeated() -> None:
    odd = {"event_type": "a\nb", "related_object": {"id": "<b>", "type": "\ud83d"}}

    assert str(never_made(read_event(notice({"impact": odd})))) == "unknown about unknown unknown"


def test_no_other_event_is_a_notice() -> None:
    assert never_made(read_event(thin_event(data={"impact": IMPACT}))) is None
    assert never_made(read_event(event())) is None
    for type_ in (NOTICE[:-1], NOTICE + "x", "v1.a", "v2.z"):
        assert never_made(read_event(thin_event(type=type_, data={"impact": IMPACT}))) is None
