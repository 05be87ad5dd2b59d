import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.payments.status import PaymentStatus
from app.usecases.orders import OrderFilter, OrderPosition
from app.web.api.order_query import make_cursor, read_order_query
from app.web.api.query import FAULTS_MAX
from app.web.errors import InvalidQueryError

LAST = OrderPosition(created_at_ms=1_764_400_000_123, order_id="chk_" + "a" * 36)

filters = st.builds(
    OrderFilter,
    client_reference_id=st.none() | st.from_regex(r"[A-Za-z0-9_-]{1,200}", fullmatch=True),
    statuses=st.frozensets(st.sampled_from(PaymentStatus)),
    flagged=st.none() | st.booleans(),
    created_gte_ms=st.none() | st.integers(0, 2**45),
    created_lt_ms=st.none() | st.integers(0, 2**45),
)
positions = st.builds(
    OrderPosition,
    created_at_ms=st.integers(0, 2**53 - 1),
    order_id=st.from_regex(r"(chk|cs_test)_[A-Za-z0-9]{1,200}", fullmatch=True),
)


def faults_of(*parameters: tuple[str, str]) -> set[str]:
    with pytest.raises(InvalidQueryError) as caught:
        read_order_query(parameters)
    return {fault.parameter for fault in caught.value.query_faults}


def test_without_parameters_the_first_fifty_of_all_orders_are_meant() -> None:
    assert read_order_query([]) == (OrderFilter(), None, 50)


def test_every_parameter_is_read() -> None:
    wanted, after, limit = read_order_query(
        [
            ("client_reference_id", "order-42"),
            ("status", "paid"),
            ("status", "disputed"),
            ("flagged", "true"),
            ("created_gte", "2026-11-29T12:00:00Z"),
            ("created_lt", "2026-11-29t14:00:00.5+01:00"),
            ("limit", "200"),
        ]
    )

    assert wanted == OrderFilter(
        client_reference_id="order-42",
        statuses=frozenset({PaymentStatus.PAID, PaymentStatus.DISPUTED}),
        flagged=True,
        created_gte_ms=1_795_953_600_000,
        created_lt_ms=1_795_957_200_500,
    )
    assert after is None
    assert limit == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("client_reference_id", ""),
        ("client_reference_id", "a b"),
        ("client_reference_id", "x" * 201),
        ("status", "Paid"),
        ("status", ""),
        ("flagged", "1"),
        ("flagged", "True"),
        ("created_gte", "2026-11-29"),
        ("created_gte", "2026-11-29T12:00:00"),
        ("created_gte", "2026-13-29T12:00:00Z"),
        ("created_gte", "0000-00-00T00:00:00Z"),
        ("created_lt", "1764400000"),
        ("created_lt", "2026-11-29T12:00:00 01:00"),
        ("limit", "0"),
        ("limit", "201"),
        ("limit", "-1"),
        ("limit", "1.0"),
        ("limit", "1_0"),
        ("limit", "٣"),
        ("limit", "9" * 5000),
        ("limit", "00501"),
        ("limit", "0001" + "9" * 4000),
        ("created_gte", "2026-11-29T24:00:00Z"),
        ("created_gte", "2026-11-29T12:00:60Z"),
        ("created_lt", "2026-11-29T12:00:00+99:99"),
        ("created_lt", "2026-11-29T12:00:00Z\n"),
        ("", ""),
        ("cursor", ""),
        ("cursor", "abc"),
        ("cursor", "a" * 601),
        ("cursor", "W10"),
        ("cursor", "bnVsbA"),
        ("cursor", "=="),
        ("page", "2"),
        ("Limit", "5"),
    ],
)
def test_a_parameter_that_is_wrong_is_named(name: str, value: str) -> None:
    assert faults_of((name, value)) == {name}


@pytest.mark.parametrize(
    ("value", "has_hint"),
    [("2026-11-29T12:00:00 01:00", True), ("2026-11-29 12:00:00Z", False), ("soon", False)],
)
def test_who_loses_a_plus_reads_how_to_write_it(value: str, *, has_hint: bool) -> None:
    with pytest.raises(InvalidQueryError) as caught:
        read_order_query([("created_gte", value)])

    (fault,) = caught.value.query_faults
    assert fault.detail.endswith("(RFC 3339); write + as %2B in a URL") is has_hint


@pytest.mark.parametrize("name", ["client_reference_id", "flagged", "limit", "created_gte"])
def test_a_parameter_that_stands_twice_is_refused(name: str) -> None:
    assert name in faults_of((name, "1"), (name, "1"))


def test_the_end_of_a_time_span_is_not_before_its_begin() -> None:
    begin, end = ("created_gte", "2026-11-29T12:00:00Z"), ("created_lt", "2026-11-29T11:59:59.9Z")

    assert faults_of(begin, end) == {"created_lt"}
    assert faults_of(begin, ("created_lt", "soon")) == {"created_lt"}
    assert read_order_query([begin, ("created_lt", "2026-11-29T12:00:00Z")])
    assert read_order_query([("created_lt", "0001-01-01T00:00:00Z")])


def test_one_answer_says_all_that_is_wrong() -> None:
    assert faults_of(("limit", "0"), ("flagged", "x"), ("color", "red")) == {
        "limit",
        "flagged",
        "color",
    }


@given(wanted=filters, last=positions)
def test_a_cursor_leads_on_under_its_own_filters_alone(
    wanted: OrderFilter, last: OrderPosition
) -> None:
    cursor = make_cursor(wanted, last)

    assert re.fullmatch(r"[A-Za-z0-9_-]{1,600}", cursor)
    if wanted == OrderFilter():
        assert read_order_query([("cursor", cursor)])[1] == last
    else:
        assert faults_of(("cursor", cursor)) == {"cursor"}


def test_the_order_in_which_statuses_are_named_does_not_matter_to_a_cursor() -> None:
    statuses = frozenset({PaymentStatus.PAID, PaymentStatus.REFUNDED})
    cursor = make_cursor(OrderFilter(statuses=statuses), LAST)

    for names in (["paid", "refunded"], ["refunded", "paid"]):
        pairs = [("status", name) for name in names]
        assert read_order_query([*pairs, ("cursor", cursor)])[1] == LAST


@given(text=st.text(alphabet="abcAB012_-", max_size=60))
def test_a_made_up_cursor_is_refused(text: str) -> None:
    assert faults_of(("cursor", text)) == {"cursor"}


@given(at=st.integers(0), letter=st.sampled_from("abzABZ019_-"))
def test_a_cursor_that_was_changed_is_refused(at: int, letter: str) -> None:
    cursor = make_cursor(OrderFilter(), LAST)
    at %= len(cursor)
    changed = cursor[:at] + letter + cursor[at + 1 :]

    if changed == cursor:
        assert read_order_query([("cursor", changed)])[1] == LAST
    else:
        assert faults_of(("cursor", changed)) == {"cursor"}


@pytest.mark.parametrize(
    "document", [b"[1,2,3,4]", b'["a",true,"chk_1","b"]', b'["a",1,"chk 1","b"]', b"[" * 150]
)
def test_a_cursor_that_was_put_together_is_refused(document: bytes) -> None:
    cursor = base64.urlsafe_b64encode(document).decode().rstrip("=")

    assert faults_of(("cursor", cursor)) == {"cursor"}


def test_of_very_many_faults_some_are_named() -> None:
    with pytest.raises(InvalidQueryError) as caught:
        read_order_query([(f"color{n}", "") for n in range(5_000)])

    assert len(caught.value.query_faults) == FAULTS_MAX
