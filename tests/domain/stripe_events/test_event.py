import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.errors import InvalidEventError
from app.domain.stripe_events.event import EventFilter, IgnoredReason, StripeEvent, read_event
from tests.support.builders import ACCOUNT, NOW_S, Document, event, session, thin_event
from tests.support.real_events import real_events

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
JSON = st.recursive(
    SCALARS,
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=8,
)
FIELDS = ["id", "object", "type", "created", "account", "context", "livemode", "data"]


@pytest.mark.parametrize("path", real_events(), ids=lambda path: path.stem)
def test_a_real_event_is_read(path: Path) -> None:
    document = json.loads(path.read_bytes())

    read = read_event(document)

    assert read.id == document["id"]
    assert read.type == path.stem
    assert read.created_s == document["created"]
    assert read.livemode is document["livemode"]
    assert read.subject == document["data"]["object"]


def test_there_are_all_71_real_events() -> None:
    assert len(real_events()) == 71


def test_every_field_is_taken_over() -> None:
    read = read_event(event(id="evt_7", account="acct_other", livemode=True))

    assert read == StripeEvent(
        id="evt_7",
        type="checkout.session.completed",
        created_s=NOW_S,
        account="acct_other",
        livemode=True,
        subject=session(),
    )


def test_a_thin_event_is_read_without_a_subject() -> None:
    read = read_event(thin_event())

    assert read == StripeEvent(
        id="evt_test_thin",
        type="v1.billing.meter.error_report_triggered",
        created_s=None,
        account=ACCOUNT,
        livemode=False,
        subject={},
    )


def test_a_thin_events_account_is_the_end_of_its_context() -> None:
    read = read_event(thin_event(context="org_1/acct_parent/acct_child"))

    assert read.account == "acct_child"


def test_a_thin_event_without_a_context_has_no_account() -> None:
    assert read_event(thin_event(context=None)).account is None


@pytest.mark.parametrize(
    "type_", ["v2.core.account[configuration.merchant].updated", "x", "~" * 255]
)
def test_an_unknown_type_is_read(type_: str) -> None:
    assert read_event(event(type_)).type == type_


def test_keys_named_like_methods_are_only_keys() -> None:
    read = read_event(event(subject={"id": "x", "get": 1, "items": 2, "keys": 3}, get=1, items=2))

    assert read.subject["items"] == 2


@pytest.mark.parametrize("document", [None, [], [event()], "x", "", 1, 1.5, True])
def test_what_is_no_object_is_no_event(document: object) -> None:
    with pytest.raises(InvalidEventError, match="JSON object"):
        read_event(document)


def test_an_empty_object_is_no_event() -> None:
    with pytest.raises(InvalidEventError, match="event's id"):
        read_event({})


@pytest.mark.parametrize(
    "id_",
    [None, 7, True, "", "7", "evt_", "EVT_1", "evt_é", "evt_1\n", " evt_1", "evt_" + "x" * 251, {}],
)
def test_an_event_with_an_odd_id_is_refused(id_: object) -> None:
    with pytest.raises(InvalidEventError, match="event's id"):
        read_event(event(id=id_))


@pytest.mark.parametrize("type_", [None, 7, "", "a b", "a\n", "ä", "x" * 256, []])
def test_an_event_with_an_odd_type_is_refused(type_: object) -> None:
    with pytest.raises(InvalidEventError, match="event's type"):
        read_event(event(type=type_))


@pytest.mark.parametrize("created", [-1, True, 1.0, 2**37, 10**400, [], {}])
def test_an_event_with_an_odd_time_is_refused(created: object) -> None:
    with pytest.raises(InvalidEventError, match="event's created"):
        read_event(event(created=created))


@pytest.mark.parametrize("created", [0, 2**37 - 1])
def test_the_first_and_the_last_time_are_taken(created: int) -> None:
    assert read_event(event(created=created)).created_s == created


@pytest.mark.parametrize("account", [7, True, [], {}])
def test_an_event_with_an_odd_account_is_refused(account: object) -> None:
    with pytest.raises(InvalidEventError, match="event's account"):
        read_event(event(account=account))


@pytest.mark.parametrize("livemode", [0, 1, "true", [], {}])
def test_an_event_with_an_odd_livemode_is_refused(livemode: object) -> None:
    with pytest.raises(InvalidEventError, match="event's livemode"):
        read_event(event(livemode=livemode))


@pytest.mark.parametrize("kind", [None, "checkout.session", "EVENT", 7, [], {}])
def test_a_document_that_does_not_say_that_it_is_an_event_is_refused(kind: object) -> None:
    with pytest.raises(InvalidEventError, match="event's object"):
        read_event(event(object=kind))


@pytest.mark.parametrize(
    "data", [None, {}, [], 7, "x", {"object": None}, {"object": []}, {"object": "cs_1"}]
)
def test_an_event_without_its_object_is_refused(data: object) -> None:
    with pytest.raises(InvalidEventError, match=r"data\.object"):
        read_event(event(data=data))


@settings(max_examples=50)
@given(JSON)
def test_any_json_is_read_or_refused(document: object) -> None:
    read_or_refused(document)


@pytest.mark.thorough
@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_an_event_with_any_fields_replaced_is_read_or_refused(fields: Document) -> None:
    read_or_refused(event(**fields))


@given(st.sets(st.sampled_from(FIELDS)))
def test_an_event_with_any_fields_missing_is_read_or_refused(missing: set[str]) -> None:
    read_or_refused({name: value for name, value in event().items() if name not in missing})


def read_or_refused(document: object) -> None:
    """Any other exception than InvalidEventError fails the test."""
    try:
        read = read_event(document)
    except InvalidEventError as refused:
        assert refused.detail  # noqa: PT017 both outcomes are right, each has its own proof
    else:
        assert isinstance(document, dict)
        assert read.id == document["id"]


@pytest.mark.parametrize(
    ("livemode_wanted", "livemode", "reason"),
    [
        (None, True, None),
        (None, False, None),
        (None, None, None),
        (True, True, None),
        (True, False, IgnoredReason.OTHER_MODE),
        (True, None, IgnoredReason.OTHER_MODE),
        (False, False, None),
        (False, True, IgnoredReason.OTHER_MODE),
        (False, None, IgnoredReason.OTHER_MODE),
    ],
)
def test_only_events_of_the_wanted_mode_count(
    livemode_wanted: bool | None,  # noqa: FBT001 a row of the table
    livemode: bool | None,  # noqa: FBT001 a row of the table
    reason: IgnoredReason | None,
) -> None:
    event_filter = EventFilter(ACCOUNT, livemode_wanted)

    assert event_filter.reason_to_ignore(read_event(event(livemode=livemode))) is reason


@pytest.mark.parametrize(
    ("account", "reason"),
    [
        (None, None),
        (ACCOUNT, None),
        ("acct_other", IgnoredReason.OTHER_ACCOUNT),
        (ACCOUNT + "x", IgnoredReason.OTHER_ACCOUNT),
    ],
)
def test_events_of_our_account_or_of_none_count(
    account: str | None, reason: IgnoredReason | None
) -> None:
    event_filter = EventFilter(ACCOUNT, livemode=None)

    assert event_filter.reason_to_ignore(read_event(event(account=account))) is reason


def test_another_account_is_named_before_another_mode() -> None:
    event_filter = EventFilter(ACCOUNT, livemode=True)
    foreign = read_event(event(account="acct_other", livemode=False))

    assert event_filter.reason_to_ignore(foreign) is IgnoredReason.OTHER_ACCOUNT


def test_a_thin_event_of_another_account_is_ignored() -> None:
    event_filter = EventFilter(ACCOUNT, livemode=None)
    foreign = read_event(thin_event(context="org_1/acct_other"))

    assert event_filter.reason_to_ignore(foreign) is IgnoredReason.OTHER_ACCOUNT
