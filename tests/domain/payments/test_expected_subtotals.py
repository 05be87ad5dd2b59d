"""When a payment costs something else than its cart should by the catalog."""

import pytest

from app.domain.checkout.cart import Mode
from app.domain.money import ExpectedSubtotal
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.session_details import SessionDetails


@pytest.mark.parametrize(
    ("subtotal", "currency", "differs"),
    [
        (100, "eur", False),
        (None, None, False),
        (None, "eur", False),
        (100, None, False),
        (99, "eur", True),
        (100, "usd", True),
        (99, None, True),
        (None, "usd", True),
        (0, "eur", True),
    ],
)
def test_a_payment_differs_where_what_is_known_is_not_what_was_expected(
    subtotal: int | None,
    currency: str | None,
    differs: bool,  # noqa: FBT001 a row of the table
) -> None:
    facts = PaymentFacts(amount_subtotal_minor=subtotal, currency=currency)

    assert facts.differs_from(ExpectedSubtotal(amount_minor=100, currency="eur")) is differs


@pytest.mark.parametrize(
    ("mode", "subtotal", "currency", "differs"),
    [
        (Mode.SUBSCRIPTION, 0, "eur", False),
        (Mode.SUBSCRIPTION, 0, "usd", True),
        (Mode.SUBSCRIPTION, 1, "eur", True),
        (Mode.PAYMENT, 0, "eur", True),
        (None, 0, "eur", True),
    ],
)
def test_a_subscriptions_first_period_may_cost_nothing(
    mode: Mode | None,
    subtotal: int,
    currency: str,
    differs: bool,  # noqa: FBT001 a row of the table
) -> None:
    facts = PaymentFacts(mode=mode, amount_subtotal_minor=subtotal, currency=currency)

    assert facts.differs_from(ExpectedSubtotal(amount_minor=100, currency="eur")) is differs


@pytest.mark.parametrize(
    ("subtotal", "recurring", "differs"),
    [
        (500, None, False),
        (2400, None, False),
        (1900, None, True),
        (0, None, True),
        (700, 1700, False),
        (500, 1700, True),
        (2400, 1700, False),
        (0, 2400, False),
    ],
    ids=[
        "a trial with its fee",
        "no trial",
        "without the fee",
        "a trial without the fee",
        "as the items at Stripe say",
        "as the catalog alone says",
        "no trial, with items",
        "all items recur",
    ],
)
def test_in_a_trial_the_one_time_fees_are_due(
    subtotal: int,
    recurring: int | None,
    differs: bool,  # noqa: FBT001 a row of the table
) -> None:
    """What recurs is known from the line items at Stripe, if they were read."""
    facts = PaymentFacts(
        mode=Mode.SUBSCRIPTION,
        amount_subtotal_minor=subtotal,
        currency="eur",
        details=SessionDetails(recurring_minor=recurring),
    )
    expected = ExpectedSubtotal(amount_minor=2400, currency="eur", in_trial_minor=500)

    assert facts.differs_from(expected) is differs
