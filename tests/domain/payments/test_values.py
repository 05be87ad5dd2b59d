"""Rules that all kinds of facts share."""

from dataclasses import FrozenInstanceError, fields
from inspect import Parameter, signature

import pytest

from app.domain.payments.disputes import Dispute, DisputeState, Review
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.intents import Intent, IntentState
from app.domain.payments.refunds import Charge, Refund, RefundState
from app.domain.payments.subscriptions import Invoice, Subscription, SubscriptionStatus

VALUES = [
    PaymentFacts(),
    Intent(state=IntentState.SUCCEEDED),
    Charge(refunded_minor=5),
    Refund(state=RefundState.PENDING, amount_minor=5),
    Dispute(state=DisputeState.OPEN, amount_minor=5),
    Review(closed=False),
    Subscription(status=SubscriptionStatus.ACTIVE, at_s=5),
    Invoice(),
]

each_value = pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)


@each_value
def test_a_fact_never_changes(value: PaymentFacts) -> None:
    for field in fields(value):
        with pytest.raises(FrozenInstanceError):
            setattr(value, field.name, None)


@each_value
def test_a_fact_has_room_for_its_fields_alone(value: object) -> None:
    assert not hasattr(value, "__dict__")


@each_value
def test_a_facts_fields_are_named_so_that_no_two_can_be_exchanged(value: object) -> None:
    parameters = signature(type(value)).parameters.values()

    assert {parameter.kind for parameter in parameters} == {Parameter.KEYWORD_ONLY}
