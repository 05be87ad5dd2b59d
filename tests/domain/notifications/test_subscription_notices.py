"""What a change of a subscription or of its invoices tells."""

import itertools
from dataclasses import replace

import pytest

from app.domain.checkout.cart import Mode
from app.domain.notifications.notices import Notice, PaidInvoice, notices
from app.domain.notifications.types import NotificationType as Type
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.subscriptions import Invoice, Subscription, SubscriptionStatus
from tests.domain.notifications.test_notices import PAID, told
from tests.support.builders import SESSION_ID

SUBSCRIBED = PaymentFacts(
    paid=True,
    mode=Mode.SUBSCRIPTION,
    currency="eur",
    subscription_id="sub_1",
    invoice_ids=("in_0",),
)


def with_subscription(status: SubscriptionStatus, at_s: int, **more: object) -> PaymentFacts:
    state = Subscription(status=status, at_s=at_s, **more)  # type: ignore[arg-type]
    return SUBSCRIBED.join(PaymentFacts(subscriptions={"sub_1": state}))


def with_invoice(**facts_of_it: object) -> PaymentFacts:
    invoice = Invoice(is_renewal=True, **facts_of_it)  # type: ignore[arg-type]
    return SUBSCRIBED.join(PaymentFacts(invoices={"in_1": invoice}))


def test_a_renewal_is_told_with_its_invoice() -> None:
    paid = with_invoice(paid=True, amount_paid_minor=900, currency="usd")

    (notice,) = notices(SUBSCRIBED, paid)

    invoice = PaidInvoice(id="in_1", amount_paid_minor=900, currency="usd")
    assert notice == Notice(type=Type.RENEWED, cause="in_1", invoice=invoice)


def test_an_invoice_that_names_no_currency_has_the_subscriptions() -> None:
    (notice,) = notices(SUBSCRIBED, with_invoice(paid=True))

    assert notice.invoice == PaidInvoice(id="in_1", amount_paid_minor=None, currency="eur")


def test_the_first_invoice_is_no_renewal() -> None:
    first = SUBSCRIBED.join(PaymentFacts(invoices={"in_0": Invoice(paid=True)}))

    assert told(SUBSCRIBED, first) == []


def test_an_invoice_that_fails_is_told_unless_it_is_known_to_be_paid() -> None:
    failed, paid = with_invoice(payment_failed=True), with_invoice(paid=True)

    assert told(SUBSCRIBED, failed) == [(Type.PAYMENT_FAILED, "in_1")]
    assert told(failed, failed.join(paid)) == [(Type.RENEWED, "in_1")]
    assert told(paid, failed.join(paid)) == []


@pytest.mark.parametrize("state", ["action_required", "voided", "uncollectible"])
def test_an_invoice_that_was_neither_paid_nor_failed_is_not_told(state: str) -> None:
    assert told(SUBSCRIBED, with_invoice(**{state: True})) == []


def test_a_first_invoice_that_failed_before_it_was_paid_is_not_told() -> None:
    invoice = Invoice(paid=True, payment_failed=True)

    assert told(SUBSCRIBED, SUBSCRIBED.join(PaymentFacts(invoices={"in_0": invoice}))) == []


def test_a_first_invoice_that_failed_is_told_only_while_the_payment_is_not_paid() -> None:
    """`invoice.paid` may be late or lost."""
    failed = PaymentFacts(invoices={"in_0": Invoice(payment_failed=True, is_first=True)})
    refused = replace(SUBSCRIBED, paid=False, awaits_bank=True, bank_failed=True)

    assert told(SUBSCRIBED, SUBSCRIBED.join(failed)) == []
    assert told(refused, refused.join(failed)) == [(Type.PAYMENT_FAILED, "in_0")]


def test_an_invoice_of_a_single_payment_is_not_told() -> None:
    invoice = PaymentFacts(invoices={"in_1": Invoice(payment_failed=True)})

    assert told(PAID, PAID.join(invoice)) == []


@pytest.mark.parametrize("status", SubscriptionStatus)
def test_the_creation_of_a_subscription_is_no_update(status: SubscriptionStatus) -> None:
    created = with_subscription(status, 1, is_first=True)

    is_over = status is SubscriptionStatus.CANCELED
    assert told(SUBSCRIBED, created) == [(Type.SUBSCRIPTION_CANCELED, "sub_1")] * is_over


def test_a_subscription_that_becomes_active_when_it_is_paid_is_no_update() -> None:
    created = with_subscription(SubscriptionStatus.INCOMPLETE, 1, is_first=True)
    active = with_subscription(SubscriptionStatus.ACTIVE, 2)

    assert told(created, active) == []
    assert told(SUBSCRIBED, active) == []


@pytest.mark.parametrize(
    "change",
    [
        {"status": SubscriptionStatus.PAST_DUE},
        {"status": SubscriptionStatus.ACTIVE, "cancel_at_s": 9},
        {"status": SubscriptionStatus.ACTIVE, "cancel_at_period_end": True},
    ],
)
def test_a_subscription_that_changes_is_told_and_so_is_its_return(
    change: dict[str, object],
) -> None:
    active = with_subscription(SubscriptionStatus.ACTIVE, 1)
    changed = with_subscription(at_s=2, **change)  # type: ignore[arg-type]
    again = with_subscription(SubscriptionStatus.ACTIVE, 3)
    changed_again = with_subscription(at_s=4, **change)  # type: ignore[arg-type]

    steps = list(itertools.pairwise([active, changed, again, changed_again]))

    assert [told(*step) for step in steps] == [[(Type.SUBSCRIPTION_UPDATED, "sub_1")]] * 3
    ids = [notice.id_for(SESSION_ID) for step in steps for notice in notices(*step)]
    assert len(set(ids)) == 3


@pytest.mark.parametrize("before", [None, SUBSCRIBED])
@pytest.mark.parametrize(
    "change",
    [
        {"status": SubscriptionStatus.TRIALING},
        {"status": SubscriptionStatus.ACTIVE, "cancel_at_s": 9},  # as in payments by installments
    ],
)
def test_an_update_of_something_else_tells_nothing_of_the_state_it_was_created_with(
    before: PaymentFacts | None, change: dict[str, object]
) -> None:
    said = with_subscription(at_s=2, **change)  # type: ignore[arg-type]
    said_nothing = with_subscription(at_s=2, changed_nothing=True, **change)  # type: ignore[arg-type]

    paid = [] if before else [(Type.PAID, "")]
    assert told(before, said_nothing) == paid
    assert told(before, said) == [*paid, (Type.SUBSCRIPTION_UPDATED, "sub_1")]


def test_a_late_change_is_told_even_if_another_update_says_it_first() -> None:
    past_due = with_subscription(SubscriptionStatus.PAST_DUE, 2, changed_nothing=True)
    active = with_subscription(SubscriptionStatus.ACTIVE, 1)
    trialing = with_subscription(SubscriptionStatus.TRIALING, 2, changed_nothing=True)

    assert told(SUBSCRIBED, past_due) == [(Type.SUBSCRIPTION_UPDATED, "sub_1")]
    assert told(active, trialing) == [(Type.SUBSCRIPTION_UPDATED, "sub_1")]


def test_a_new_period_alone_is_not_told() -> None:
    before = with_subscription(SubscriptionStatus.ACTIVE, 1, current_period_end_s=5)

    assert (
        told(before, with_subscription(SubscriptionStatus.ACTIVE, 2, current_period_end_s=9)) == []
    )


def test_a_canceled_subscription_is_told_once_as_canceled() -> None:
    active = with_subscription(SubscriptionStatus.ACTIVE, 1)
    canceled = with_subscription(SubscriptionStatus.CANCELED, 2)

    assert told(active, canceled) == [(Type.SUBSCRIPTION_CANCELED, "sub_1")]
    assert told(canceled, with_subscription(SubscriptionStatus.CANCELED, 3, cancel_at_s=3)) == []
