"""What a change tells: nothing twice, nothing that the last state holds left out."""

import itertools

import pytest

from app.domain.checkout.cart import Mode
from app.domain.notifications.notices import Notice, notices
from app.domain.notifications.notification import notifications
from app.domain.notifications.types import NotificationType as Type
from app.domain.payments.disputes import Dispute, DisputeState, FraudWarning, Review
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.intents import Intent, IntentState
from app.domain.payments.refunds import Charge, Refund, RefundState
from app.domain.payments.session_details import SessionDetails
from tests.support.builders import SESSION_ID

PAID = PaymentFacts(paid=True, mode=Mode.PAYMENT, currency="eur", amount_total_minor=1000)


def told(before: PaymentFacts | None, after: PaymentFacts) -> list[tuple[Type, str]]:
    return [(notice.type, notice.cause.split(" ")[0]) for notice in notices(before, after)]


def refunded(amount_minor: int, **states: RefundState) -> PaymentFacts:
    """Refunds of so much each."""
    refunds = {
        f"re_{name}": Refund(state=state, amount_minor=amount_minor, intent_id="pi_1")
        for name, state in states.items()
    }
    return PAID.join(PaymentFacts(refunds=refunds))


# --- the order's status


@pytest.mark.parametrize(
    ("after", "types"),
    [
        (PaymentFacts(), []),
        (PaymentFacts(awaits_bank=True), [Type.PROCESSING]),
        (PaymentFacts(expired=True), [Type.EXPIRED]),
        (PaymentFacts(awaits_bank=True, bank_failed=True), [Type.FAILED]),
        (PAID, [Type.PAID]),
    ],
)
def test_a_new_status_is_told(after: PaymentFacts, types: list[Type]) -> None:
    assert told(None, after) == [(type_, "") for type_ in types]
    assert told(after, after) == []


@pytest.mark.parametrize(
    ("facts", "cause"),
    [
        (PaymentFacts(expired=True), "contradicted"),
        (PaymentFacts(details=SessionDetails(items_differ=True)), "items_differ"),
        (PaymentFacts(fraud_warnings={"issfr_1": FraudWarning()}), "fraud_warning issfr_1"),
        (PaymentFacts(reviews={"prv_1": Review(closed=False)}), "review prv_1"),
    ],
)
def test_a_new_flag_is_told_once_and_its_end_is_not(facts: PaymentFacts, cause: str) -> None:
    flagged = PAID.join(facts)

    assert notices(PAID, flagged) == [Notice(type=Type.FLAGGED, cause=cause)]
    assert told(flagged, flagged) == []
    assert told(flagged, PAID) == []


def test_a_flag_is_told_last() -> None:
    assert told(None, PAID.join(PaymentFacts(expired=True))) == [
        (Type.PAID, ""),
        (Type.FLAGGED, "contradicted"),
    ]


def test_a_status_that_was_told_is_not_told_when_another_follows() -> None:
    processing = PaymentFacts(awaits_bank=True)

    assert told(processing, processing.join(PAID)) == [(Type.PAID, "")]


def test_events_before_the_session_are_reported_after_its_payment() -> None:
    dispute = Dispute(state=DisputeState.LOST, amount_minor=1000, intent_id="pi_1")
    after = refunded(400, a=RefundState.SUCCEEDED).join(PaymentFacts(disputes={"dp_1": dispute}))

    assert told(None, after) == [
        (Type.PAID, ""),
        (Type.REFUNDED, "400"),
        (Type.DISPUTED, "dp_1"),
        (Type.DISPUTE_CLOSED, "dp_1"),
    ]


# --- refunds and disputes


HOLD = PaymentFacts(
    awaits_bank=True, intent_ids=("pi_1",), currency="eur", amount_total_minor=1000
).join(PaymentFacts(charges={"ch_1": Charge(refunded_minor=400, intent_id="pi_1")}))


@pytest.mark.parametrize(
    ("state", "then"),
    [
        (IntentState.SUCCEEDED, [(Type.PAID, ""), (Type.REFUNDED, "400")]),
        (IntentState.CANCELED, [(Type.FAILED, "")]),
    ],
)
def test_what_is_released_of_a_hold_is_no_refund_before_it_is_paid(
    state: IntentState, then: list[tuple[Type, str]]
) -> None:
    intent = Intent(state=state, received_minor=600)

    assert told(None, HOLD) == [(Type.PROCESSING, "")]
    assert told(HOLD, HOLD.join(PaymentFacts(intents={"pi_1": intent}))) == then


def test_each_refunded_sum_is_told_also_one_that_falls_back() -> None:
    once = refunded(400, a=RefundState.SUCCEEDED)
    twice = refunded(400, a=RefundState.SUCCEEDED, b=RefundState.PENDING)
    failed = refunded(400, a=RefundState.SUCCEEDED, b=RefundState.FAILED)
    none = refunded(400, a=RefundState.FAILED, b=RefundState.FAILED)
    changes = list(itertools.pairwise([PAID, once, twice, failed, none]))

    assert [told(*change) for change in changes] == [
        [(Type.REFUNDED, sum_minor)] for sum_minor in ("400", "800", "400", "0")
    ]
    ids = [notice.id_for(SESSION_ID) for change in changes for notice in notices(*change)]
    assert len(set(ids)) == 4


@pytest.mark.parametrize("sum_minor", [1, 2])
def test_the_smallest_refund_is_told(sum_minor: int) -> None:
    once = refunded(sum_minor, a=RefundState.SUCCEEDED)

    assert told(PAID, once) == [(Type.REFUNDED, str(sum_minor))]


@pytest.mark.parametrize(
    ("amount_minor", "then"),
    [(1000, []), (None, [Notice(type=Type.REFUNDED, cause="0")])],  # an older version stored None
)
def test_the_part_of_a_hold_that_was_not_captured_is_told_once(
    amount_minor: int | None, then: list[Notice]
) -> None:
    intent = Intent(
        state=IntentState.SUCCEEDED, amount_minor=amount_minor, received_minor=600, currency="eur"
    )
    held = PaymentFacts(
        awaits_bank=True, amount_total_minor=1000, currency="eur", intent_ids=("pi_1",)
    )
    captured = held.join(PaymentFacts(intents={"pi_1": intent}))

    assert told(held, captured) == [(Type.PAID, ""), (Type.REFUNDED, "400")]
    assert notices(captured, captured.join(PaymentFacts(paid=True))) == then


def test_each_fall_to_nothing_is_another_notification() -> None:
    states = [
        refunded(400, a=RefundState.PENDING),
        refunded(400, a=RefundState.FAILED),
        refunded(400, a=RefundState.FAILED, b=RefundState.PENDING),
        refunded(400, a=RefundState.FAILED, b=RefundState.FAILED),
    ]
    falls = [notices(before, after)[0] for before, after in (states[:2], states[2:])]

    assert [fall.cause.split(" ")[0] for fall in falls] == ["0", "0"]
    assert falls[0].id_for(SESSION_ID) != falls[1].id_for(SESSION_ID)


def test_a_charge_that_reports_the_sum_of_known_refunds_adds_nothing() -> None:
    known = refunded(400, a=RefundState.SUCCEEDED)
    charge = PaymentFacts(charges={"ch_1": Charge(refunded_minor=400, intent_id="pi_1")})

    assert told(known, known.join(charge)) == []


def test_a_dispute_is_told_when_it_opens_and_when_it_closes() -> None:
    def disputed(state: DisputeState) -> PaymentFacts:
        return PAID.join(PaymentFacts(disputes={"dp_1": Dispute(state=state, amount_minor=1)}))

    opened, won = disputed(DisputeState.OPEN), disputed(DisputeState.WON)

    assert told(PAID, opened) == [(Type.DISPUTED, "dp_1"), (Type.FLAGGED, "disputed")]
    assert told(opened, won) == [(Type.DISPUTE_CLOSED, "dp_1")]


# --- ids


def test_an_id_stands_for_session_type_and_cause() -> None:
    notice = Notice(type=Type.PAID)
    others = [Notice(type=Type.FAILED), Notice(type=Type.PAID, cause="x")]

    ids = [each.id_for(SESSION_ID) for each in (notice, *others)] + [notice.id_for("cs_test_b2")]

    assert len(set(ids)) == 4
    assert all(len(id_) == 30 and id_.startswith("msg_") for id_ in ids)
    assert notice.id_for(SESSION_ID) == "msg_0206c8282dd992cd50a1f84b0a"


def test_the_id_of_a_refunded_sum_is_the_same_in_every_version() -> None:
    """A receiver that has seen it must not see it again under another id after an update."""
    (notice,) = notices(PAID, refunded(400, a=RefundState.SUCCEEDED))

    assert notice.cause == "400 d1bb0821c9466ce6"
    assert notice.id_for(SESSION_ID) == "msg_dcb5742fb87de91cc0aa7c3a33"


@pytest.mark.parametrize("type_", Type)
def test_receivers_learn_of_all_but_a_change_for_the_orders_table(type_: Type) -> None:
    assert type_.is_public is (type_.value != "order.changed")


def test_a_notification_is_a_notice_about_an_order() -> None:
    notice = Notice(type=Type.PAID)

    (made,) = notifications([notice], session_id=SESSION_ID, order_id="chk_1", at_ms=7)

    assert (made.id, made.order_id, made.at_ms) == (notice.id_for(SESSION_ID), "chk_1", 7)
