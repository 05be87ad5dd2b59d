"""Which notifications a change of a payment's facts causes: a pure function of before and after.

Each state contains statements: that it is paid, how much is refunded, that a dispute is open. A
change reports the statements that the previous state did not have. So the last state is always
reported, in any order of events, and nothing is reported without a change.
"""

import hashlib
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from app.domain.checkout.cart import Mode
from app.domain.notifications.types import NotificationType
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.flags import Flag, items_differ, open_matters
from app.domain.payments.status import PaymentStatus
from app.domain.payments.subscriptions import Subscription, SubscriptionStatus

_BEFORE_PAID: Final[Mapping[PaymentStatus, NotificationType]] = {
    PaymentStatus.PROCESSING: NotificationType.PROCESSING,
    PaymentStatus.FAILED: NotificationType.FAILED,
    PaymentStatus.EXPIRED: NotificationType.EXPIRED,
}
_ID_DIGITS: Final = 26  # 104 bits: no two of a shop's notifications will ever share them


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidInvoice:
    """The invoice that a renewal paid. `amount_paid_minor` is in the currency's minor unit."""

    id: str
    amount_paid_minor: int | None
    currency: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to report about a session's order.

    `cause` distinguishes repeated events: a dispute's or an invoice's id, a sum.
    """

    type: NotificationType
    cause: str = ""
    invoice: PaidInvoice | None = None

    def id_for(self, session_id: str) -> str:
        """The notification's id, which is the same for one session, type and cause."""
        text = f"{session_id}\n{self.type}\n{self.cause}"
        return f"msg_{hashlib.sha256(text.encode()).hexdigest()[:_ID_DIGITS]}"


Held: TypeAlias = tuple[Hashable, Notice | None]
_NOT_REFUNDED: Final[Held] = (
    (NotificationType.REFUNDED, 0),
    Notice(type=NotificationType.REFUNDED, cause="0"),
)


def notices(before: PaymentFacts | None, after: PaymentFacts) -> list[Notice]:
    """Return what to report after a change, in order.

    `before` is None if nothing was known. Both only need the renewals that may have changed.
    """
    known = _NOTHING if before is None else {statement for statement, _ in _held(before)}
    new = (notice for statement, notice in _held(after) if statement not in known)
    is_as_created = _is_as_created(before, after)
    return [
        notice
        for notice in new
        if notice and not (is_as_created and notice.type is NotificationType.SUBSCRIPTION_UPDATED)
    ]


def _is_as_created(before: PaymentFacts | None, after: PaymentFacts) -> bool:
    """Return whether the subscription's first known state is the one that it was created with."""
    if before is not None and before.subscription is not None:
        return False
    return after.subscription is not None and after.subscription.is_as_created


def _held(facts: PaymentFacts) -> Iterator[Held]:
    """Yield everything worth reporting about a payment, each with its key."""
    yield from _status(facts)
    yield _refunded(facts)
    yield from _disputes(facts)
    if facts.mode is Mode.SUBSCRIPTION:
        yield from _invoices(facts)
    yield _subscription(facts)
    yield from _flags(facts)  # last, as the contract says


def _status(facts: PaymentFacts) -> Iterator[Held]:
    type_ = NotificationType.PAID if facts.is_paid else _BEFORE_PAID.get(facts.status)
    if type_:
        yield type_, Notice(type=type_)


def _refunded(facts: PaymentFacts) -> Held:
    """Yield the refunded sum, which may also decrease; the same sum later is another cause."""
    sum_minor = facts.amount_refunded_minor
    if not sum_minor and not facts.refunds and not facts.charges:
        return _NOT_REFUNDED  # nearly always
    refunds = sorted((id_, refund.stands) for id_, refund in facts.refunds.items())
    charges = sorted((id_, charge.refunded_minor) for id_, charge in facts.charges.items())
    state = hashlib.sha256(repr((refunds, charges)).encode()).hexdigest()[:16]
    type_ = NotificationType.REFUNDED
    return (type_, sum_minor), Notice(type=type_, cause=f"{sum_minor} {state}")


def _disputes(facts: PaymentFacts) -> Iterator[Held]:
    for dispute_id, dispute in sorted(facts.disputes.items()):
        types = [NotificationType.DISPUTED]
        if not dispute.is_open:
            types.append(NotificationType.DISPUTE_CLOSED)
        for type_ in types:
            yield (type_, dispute_id), Notice(type=type_, cause=dispute_id)


def _invoices(facts: PaymentFacts) -> Iterator[Held]:
    """Yield paid renewals, and invoices whose payment failed so far.

    A first invoice may fail before the buyer takes another card; once the payment is paid, so is
    that invoice, even if `invoice.paid` is late or lost.
    """
    for invoice_id, invoice in sorted(facts.invoices.items()):
        is_renewal = facts.is_renewal(invoice_id, invoice)
        if invoice.paid and is_renewal:
            paid = PaidInvoice(
                id=invoice_id,
                amount_paid_minor=invoice.amount_paid_minor,
                currency=invoice.currency or facts.currency,
            )
            yield (
                (NotificationType.RENEWED, invoice_id),
                Notice(type=NotificationType.RENEWED, cause=invoice_id, invoice=paid),
            )
        elif invoice.payment_failed and not invoice.paid and (is_renewal or not facts.is_paid):
            type_ = NotificationType.PAYMENT_FAILED
            yield (type_, invoice_id), Notice(type=type_, cause=invoice_id)


def _subscription(facts: PaymentFacts) -> Held:
    """Yield the status; creation is not an update, and an unknown subscription counts as active."""
    subscription_id, current = facts.subscription_id, facts.subscription
    if current and current.status is SubscriptionStatus.CANCELED:
        type_ = NotificationType.SUBSCRIPTION_CANCELED
        return (type_, subscription_id), Notice(type=type_, cause=str(subscription_id))
    type_, shown = NotificationType.SUBSCRIPTION_UPDATED, _shown(current)
    if current is None or current.is_first:
        return (type_, shown), None
    cause = " ".join(map(str, (subscription_id, current.at_s, *shown)))
    return (type_, shown), Notice(type=type_, cause=cause)


def _flags(facts: PaymentFacts) -> Iterator[Held]:
    """Yield the flags that follow from the facts alone."""
    if facts.contradicted:
        yield Flag.CONTRADICTED, flagged(Flag.CONTRADICTED)
    if items_differ(facts):
        yield Flag.ITEMS_DIFFER, flagged(Flag.ITEMS_DIFFER)
    for flag, causes in open_matters(facts).items():
        for cause in sorted(causes):
            yield (flag, cause), flagged(flag, cause)


def flagged(flag: Flag, cause: str = "") -> Notice:
    """Return the notice of a new flag; `cause` is empty if an order can have it only once."""
    return Notice(type=NotificationType.FLAGGED, cause=f"{flag} {cause}".rstrip())


def _shown(current: Subscription | None) -> tuple[str, int | None, bool]:
    """Return what an update changes. `incomplete` is left to the order's own status."""
    if current is None:
        return SubscriptionStatus.ACTIVE, None, False
    is_new = current.status is SubscriptionStatus.INCOMPLETE
    status = SubscriptionStatus.ACTIVE if is_new else current.status
    return status, current.cancel_at_s, current.cancel_at_period_end


_NOTHING: Final = frozenset(statement for statement, _ in _held(PaymentFacts()))
