"""A subscription's latest state, and its invoices, each counted once."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.domain.payments.joins import either, join_ids


class SubscriptionStatus(StrEnum):
    """Stripe's values, in the order that decides between two states in the same second."""

    INCOMPLETE = "incomplete"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    PAUSED = "paused"
    INCOMPLETE_EXPIRED = "incomplete_expired"
    CANCELED = "canceled"


_RANK: Final = {status: rank for rank, status in enumerate(SubscriptionStatus)}
_NEW: Final = frozenset(
    {SubscriptionStatus.INCOMPLETE, SubscriptionStatus.TRIALING, SubscriptionStatus.ACTIVE}
)
_OVER: Final = frozenset({SubscriptionStatus.INCOMPLETE_EXPIRED, SubscriptionStatus.CANCELED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscription at one point in time. Times are epoch seconds.

    `at_s` is when Stripe created the event; `is_first` marks the subscription's creation, and
    `changed_status` an event that changed the status. Both decide between events in the same
    second, of which every checkout has several. `changed_nothing`: the event changed neither the
    status nor when it ends.
    """

    status: SubscriptionStatus
    at_s: int
    is_first: bool = False
    changed_status: bool = False
    changed_nothing: bool = False
    current_period_end_s: int | None = None
    cancel_at_s: int | None = None
    cancel_at_period_end: bool = False

    def join(self, other: "Subscription") -> "Subscription":
        """Return the later of the two, in a total order."""
        return max(self, other, key=_moment)

    @property
    def is_as_created(self) -> bool:
        """Whether the event may show the subscription as it was created."""
        return self.is_first or (self.changed_nothing and self.status in _NEW)


def _moment(state: Subscription) -> tuple[float, ...]:
    """Return the sort key in time; an ended subscription stays ended, even if events come late."""
    return (
        state.status in _OVER,
        state.at_s,
        not state.is_first,
        state.changed_status,
        _RANK[state.status],
        -math.inf if state.current_period_end_s is None else state.current_period_end_s,
        -math.inf if state.cancel_at_s is None else state.cancel_at_s,
        state.cancel_at_period_end,
        not state.changed_nothing,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """An invoice of a subscription. `amount_paid_minor` is in the minor unit of `currency`.

    `paid_at_s` is in epoch seconds; an older version did not store it.
    `payment_ids` are the payment intents and charges that paid it or will pay it.
    """

    paid: bool = False
    paid_at_s: int | None = None
    payment_failed: bool = False
    action_required: bool = False
    voided: bool = False
    uncollectible: bool = False
    is_first: bool = False
    is_renewal: bool = False
    amount_paid_minor: int | None = None
    currency: str | None = None
    payment_ids: tuple[str, ...] = ()

    def join(self, other: "Invoice") -> "Invoice":
        """Join two reports: `invoice.paid` and `invoice.payment_succeeded` are the same fact."""
        return Invoice(
            paid=self.paid or other.paid,
            paid_at_s=either(min, self.paid_at_s, other.paid_at_s),
            payment_failed=self.payment_failed or other.payment_failed,
            action_required=self.action_required or other.action_required,
            voided=self.voided or other.voided,
            uncollectible=self.uncollectible or other.uncollectible,
            is_first=self.is_first or other.is_first,
            is_renewal=self.is_renewal or other.is_renewal,
            amount_paid_minor=either(max, self.amount_paid_minor, other.amount_paid_minor),
            currency=either(min, self.currency, other.currency),
            payment_ids=join_ids(self.payment_ids, other.payment_ids),
        )


def paid_first(invoices: Mapping[str, Invoice], first_ids: Collection[str]) -> list[Invoice]:
    """Return those of these invoices that are paid and the subscription's first."""
    return [
        invoice
        for invoice_id, invoice in invoices.items()
        if invoice.paid and (invoice.is_first or invoice_id in first_ids)
    ]
