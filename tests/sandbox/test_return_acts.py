from pathlib import Path
from typing import Any

import orjson
import pytest

from sandbox.stripe.acts import Act, ActRefusedError, perform
from sandbox.stripe.return_acts import AmountRefusedError
from tests.support.sandbox.acting import after, told, types

REAL_EVENTS = Path(__file__).parent.parent / "stripe_events"


def real_object(event_type: str) -> Any:  # noqa: ANN401 - a JSON object, indexed below
    """What a real event of this type is about."""
    body = (REAL_EVENTS / f"{event_type}.json").read_bytes()
    return orjson.loads(body)["data"]["object"]


def test_a_part_and_then_the_rest_can_be_refunded() -> None:
    paid = after(Act.PAY)

    part = perform(Act.REFUND, paid, 900)
    rest = perform(Act.REFUND, part.session)

    assert types(part) == types(rest)
    assert types(part) == [
        "refund.created",
        "charge.refunded",
        "charge.refund.updated",
        "refund.updated",
    ]
    sums = [told(one, "charge.refunded")["amount_refunded"] for one in (part, rest)]
    assert sums == [900, 2900]
    assert [told(one, "charge.refunded")["refunded"] for one in (part, rest)] == [False, True]
    refunds = [told(one, "refund.created") for one in (part, rest)]
    assert [refund["amount"] for refund in refunds] == [900, 2000]
    assert refunds[0]["id"] != refunds[1]["id"]
    assert {refund["charge"] for refund in refunds} == {paid.charge_id}
    assert {refund["payment_intent"] for refund in refunds} == {paid.payment_intent_id}


@pytest.mark.parametrize("amount_minor", [-1, 0, 2001])
def test_no_more_can_be_refunded_than_is_left(amount_minor: int) -> None:
    refunded = perform(Act.REFUND, after(Act.PAY), 900).session

    with pytest.raises(AmountRefusedError, match="1 to 2000"):
        perform(Act.REFUND, refunded, amount_minor)


def test_a_dispute_is_about_what_was_not_refunded() -> None:
    refunded = perform(Act.REFUND, after(Act.PAY), 900).session

    outcome = perform(Act.DISPUTE_OPEN, refunded)

    assert types(outcome) == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    dispute = told(outcome, "charge.dispute.created")
    assert (dispute["amount"], dispute["status"]) == (2000, "needs_response")
    assert dispute["charge"] == refunded.charge_id
    assert dispute["payment_intent"] == refunded.payment_intent_id


def test_a_won_dispute_brings_the_money_back() -> None:
    disputed = perform(Act.DISPUTE_OPEN, after(Act.PAY))

    outcome = perform(Act.DISPUTE_WIN, disputed.session)

    assert types(outcome) == ["charge.dispute.funds_reinstated", "charge.dispute.closed"]
    closed = told(outcome, "charge.dispute.closed")
    assert closed["status"] == "won"
    assert closed["id"] == told(disputed, "charge.dispute.created")["id"]


def test_a_lost_dispute_does_not() -> None:
    outcome = perform(Act.DISPUTE_LOSE, after(Act.PAY, Act.DISPUTE_OPEN))

    assert types(outcome) == ["charge.dispute.closed"]
    assert told(outcome, "charge.dispute.closed")["status"] == "lost"


def test_a_second_dispute_has_an_id_of_its_own() -> None:
    first = after(Act.PAY, Act.DISPUTE_OPEN)

    second = after(Act.DISPUTE_WIN, Act.DISPUTE_OPEN, session=first)

    assert first.dispute is not None
    assert second.dispute is not None
    assert first.dispute.id != second.dispute.id


def test_a_charge_says_that_it_was_disputed() -> None:
    won = after(Act.PAY, Act.DISPUTE_OPEN, Act.DISPUTE_WIN)

    assert told(perform(Act.REFUND, won), "charge.refunded")["disputed"] is True


def test_a_late_refund_is_refused_with_the_payments_status() -> None:
    refunded = perform(Act.REFUND, after(Act.PAY), 900).session
    lost = after(Act.DISPUTE_OPEN, Act.DISPUTE_LOSE, session=refunded)

    with pytest.raises(ActRefusedError, match="it is paid, 900 of 2900 refunded, dispute lost"):
        perform(Act.REFUND, lost)


@pytest.mark.parametrize("event_type", ["refund.created", "refund.updated"])
def test_a_refund_has_the_fields_of_real_ones(event_type: str) -> None:
    refund = told(perform(Act.REFUND, after(Act.PAY)), event_type)

    real = real_object(event_type)
    assert refund.keys() == real.keys()
    assert refund["status"] == real["status"]


def test_a_refunds_way_to_the_card_is_known_only_once_it_has_settled() -> None:
    outcome = perform(Act.REFUND, after(Act.PAY))

    made, settled = told(outcome, "refund.created"), told(outcome, "refund.updated")
    real_card = real_object("refund.updated")["destination_details"]["card"]
    assert made["destination_details"]["card"]["reference_status"] == "pending"
    assert settled["destination_details"]["card"] == real_card


@pytest.mark.parametrize("event_type", ["charge.dispute.created", "charge.dispute.funds_withdrawn"])
def test_a_dispute_has_the_fields_of_real_ones(event_type: str) -> None:
    dispute = told(perform(Act.DISPUTE_OPEN, after(Act.PAY)), event_type)

    real = real_object(event_type)
    assert dispute.keys() == real.keys()
    assert dispute["evidence_details"].keys() == real["evidence_details"].keys()
