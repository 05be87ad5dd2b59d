import itertools
from typing import Any

import pytest

from app.domain.payments.subscriptions import Invoice, Subscription, SubscriptionStatus
from tests.support.builders import NOW_S, Document
from tests.support.readings import evidence, fold
from tests.support.stripe_objects import subscription as subscription_object

Status = SubscriptionStatus
IN_ORDER = [
    Status.INCOMPLETE,
    Status.TRIALING,
    Status.ACTIVE,
    Status.PAST_DUE,
    Status.UNPAID,
    Status.PAUSED,
    Status.INCOMPLETE_EXPIRED,
    Status.CANCELED,
]
INVOICE_FLAGS = [
    "paid",
    "payment_failed",
    "action_required",
    "voided",
    "uncollectible",
    "is_first",
    "is_renewal",
]


def subscription(status: Status = Status.ACTIVE, /, **changes: Any) -> Subscription:  # noqa: ANN401 any field
    return Subscription(status=status, **({"at_s": 5} | changes))


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        # Time decides first, whatever else is said,
        (
            subscription(Status.PAUSED, changed_status=True, current_period_end_s=9),
            subscription(Status.INCOMPLETE, at_s=6, is_first=True),
        ),
        # but what is over is over.
        (subscription(at_s=9), subscription(Status.CANCELED)),
        (subscription(at_s=9), subscription(Status.INCOMPLETE_EXPIRED)),
        (subscription(Status.CANCELED), subscription(Status.CANCELED, at_s=6)),
        # Within one second: the creation is the earliest,
        (subscription(is_first=True, changed_status=True), subscription()),
        (subscription(Status.PAUSED, is_first=True), subscription(Status.INCOMPLETE)),
        # what changed the status is later than what did not,
        (subscription(Status.PAUSED), subscription(Status.TRIALING, changed_status=True)),
        # then the status' rank,
        (
            subscription(Status.INCOMPLETE, current_period_end_s=9, cancel_at_period_end=True),
            subscription(Status.ACTIVE),
        ),
        # then the period's end,
        (
            subscription(current_period_end_s=8, cancel_at_period_end=True),
            subscription(current_period_end_s=9),
        ),
        (subscription(cancel_at_period_end=True), subscription(current_period_end_s=0)),
        # then whether it ends.
        (subscription(), subscription(cancel_at_period_end=True)),
        # then whether it may have changed something.
        (subscription(changed_nothing=True), subscription()),
    ],
)
def test_of_two_states_the_later_is_kept(earlier: Subscription, later: Subscription) -> None:
    assert earlier.join(later) == later
    assert later.join(earlier) == later


@pytest.mark.parametrize(
    ("lower", "higher"),
    list(itertools.combinations(IN_ORDER, 2)),
)
def test_of_two_states_of_one_second_the_higher_is_kept(lower: Status, higher: Status) -> None:
    assert subscription(lower).join(subscription(higher)) == subscription(higher)
    assert subscription(higher).join(subscription(lower)) == subscription(higher)


def test_a_state_is_neither_the_first_nor_a_change_nor_an_end_until_it_is_said() -> None:
    assert subscription() == subscription(
        is_first=False,
        changed_status=False,
        changed_nothing=False,
        current_period_end_s=None,
        cancel_at_period_end=False,
    )


def test_all_the_events_of_a_checkouts_one_second_lead_to_an_active_subscription() -> None:
    type_ = "customer.subscription.updated"
    incomplete = subscription_object(status="incomplete")
    told = [
        evidence("customer.subscription.created", incomplete),
        evidence(type_, incomplete, previous={"default_payment_method": None}),
        evidence(type_, subscription_object(), previous={"status": "incomplete"}),
    ]

    for order in itertools.permutations(told):
        assert fold(*order).subscriptions["sub_1"].status is Status.ACTIVE


def test_a_subscription_that_was_paused_is_active_again_when_it_was_resumed_later() -> None:
    paused = evidence("customer.subscription.paused", subscription_object(status="paused"))
    resumed = evidence("customer.subscription.resumed", subscription_object(), created=NOW_S + 1)

    assert fold(resumed, paused).subscriptions["sub_1"].status is Status.ACTIVE


def test_a_deleted_subscription_stays_canceled_after_late_events() -> None:
    deleted = evidence("customer.subscription.deleted", subscription_object(status="canceled"))
    late = evidence("customer.subscription.updated", subscription_object(), created=NOW_S + 9)

    assert fold(deleted, late).subscriptions["sub_1"].status is Status.CANCELED


@pytest.mark.parametrize("flag", INVOICE_FLAGS)
def test_what_is_proven_of_an_invoice_stays_proven(flag: str) -> None:
    fields: Document = {flag: True}
    proven = Invoice(**fields)

    assert proven != Invoice()
    assert proven.join(Invoice()) == proven
    assert Invoice().join(proven) == proven
    assert proven.join(proven) == proven


def test_nothing_is_proven_of_an_invoice_of_which_nothing_is_said() -> None:
    nothing: Document = dict.fromkeys(INVOICE_FLAGS, False)

    assert Invoice() == Invoice(**nothing, amount_paid_minor=None, payment_ids=())
    assert Invoice().join(Invoice()) == Invoice()


def test_an_invoice_keeps_the_largest_amount_and_every_payment() -> None:
    one = Invoice(amount_paid_minor=5, payment_ids=("pi_2",))
    other = Invoice(amount_paid_minor=7, payment_ids=("pi_1",))

    joined = Invoice(amount_paid_minor=7, payment_ids=("pi_1", "pi_2"))
    assert one.join(other) == other.join(one) == joined


def test_the_statuses_are_stripes() -> None:
    assert [status.value for status in Status] == [
        "incomplete",
        "trialing",
        "active",
        "past_due",
        "unpaid",
        "paused",
        "incomplete_expired",
        "canceled",
    ]


@pytest.mark.parametrize("field", ["current_period_end_s", "cancel_at_s"])
@pytest.mark.parametrize(("lower", "higher"), [(None, 0), (0, 1), (None, 5), (5, 7)])
def test_of_two_equal_states_the_one_with_the_later_end_is_kept(
    field: str, lower: int | None, higher: int
) -> None:
    ends: list[dict[str, Any]] = [{field: lower}, {field: higher}]
    less, more = [Subscription(status=Status.ACTIVE, at_s=5, **end) for end in ends]

    assert less.join(more) == more
    assert more.join(less) == more
