"""A payment is what its Checkout Session's events prove, in whatever order they come.

Its facts only grow: joining two sets of facts is commutative, associative and idempotent, so
repetition, delay and disorder cannot matter. The status is a pure function of the facts.
How an event is read stands in `payment_news`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from app.domain.cart import Mode
from app.domain.disputes import Dispute, Review
from app.domain.joins import either, join_by_id, join_ids
from app.domain.money import Money
from app.domain.refunds import Charge, Refund, amount_refunded_minor
from app.domain.subscriptions import Invoice, Subscription


class PaymentStatus(StrEnum):
    """What a buyer's page is told."""

    OPEN = "open"
    PROCESSING = "processing"
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"

    @property
    def is_final(self) -> bool:
        """Whether Stripe has nothing more to tell. What was paid can go back years later."""
        return self in _FINAL


_FINAL: Final = frozenset({PaymentStatus.FAILED, PaymentStatus.EXPIRED})


class IntentState(StrEnum):
    """How a payment intent stands; what is named later stands above what is named before.

    Stripe, payment intents: a failed attempt is not final, the buyer may try another card.
    """

    ATTEMPT_FAILED = "attempt_failed"
    CANCELED = "canceled"
    SUCCEEDED = "succeeded"


_INTENT_RANK: Final = {state: rank for rank, state in enumerate(IntentState)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A payment intent, which corroborates; the session's own events alone prove a payment."""

    state: IntentState

    def join(self, other: "Intent") -> "Intent":
        """The state goes up in rank."""
        return Intent(state=max(self.state, other.state, key=_INTENT_RANK.__getitem__))


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFacts:
    """What is proven about one payment. Every field grows by `join` alone.

    `amount_total_minor` is in the currency's minor unit, times are epoch seconds. Maps are from
    Stripe's ids. `invoice_ids` are those that the session itself names: of the first payment.
    """

    paid: bool = False
    paid_at_s: int | None = None
    awaits_bank: bool = False
    bank_failed: bool = False
    expired: bool = False
    mode: Mode | None = None
    amount_total_minor: int | None = None
    amount_subtotal_minor: int | None = None
    currency: str | None = None
    checkout_id: str | None = None
    subscription_id: str | None = None
    invoice_ids: tuple[str, ...] = ()
    intents: Mapping[str, Intent] = field(default_factory=dict)
    charges: Mapping[str, Charge] = field(default_factory=dict)
    refunds: Mapping[str, Refund] = field(default_factory=dict)
    disputes: Mapping[str, Dispute] = field(default_factory=dict)
    subscriptions: Mapping[str, Subscription] = field(default_factory=dict)
    invoices: Mapping[str, Invoice] = field(default_factory=dict)
    reviews: Mapping[str, Review] = field(default_factory=dict)
    fraud_warning_ids: tuple[str, ...] = ()

    def join(self, other: "PaymentFacts") -> "PaymentFacts":
        """Everything that either side proves.

        One session has one amount, currency, mode and checkout; should two events ever differ
        in them, the choice is arbitrary but the same in any order.
        """
        return PaymentFacts(
            paid=self.paid or other.paid,
            paid_at_s=either(min, self.paid_at_s, other.paid_at_s),
            awaits_bank=self.awaits_bank or other.awaits_bank,
            bank_failed=self.bank_failed or other.bank_failed,
            expired=self.expired or other.expired,
            mode=_either_mode(self.mode, other.mode),
            amount_total_minor=either(max, self.amount_total_minor, other.amount_total_minor),
            amount_subtotal_minor=either(
                max, self.amount_subtotal_minor, other.amount_subtotal_minor
            ),
            currency=either(min, self.currency, other.currency),
            checkout_id=either(min, self.checkout_id, other.checkout_id),
            subscription_id=either(min, self.subscription_id, other.subscription_id),
            invoice_ids=join_ids(self.invoice_ids, other.invoice_ids),
            intents=join_by_id(self.intents, other.intents),
            charges=join_by_id(self.charges, other.charges),
            refunds=join_by_id(self.refunds, other.refunds),
            disputes=join_by_id(self.disputes, other.disputes),
            subscriptions=join_by_id(self.subscriptions, other.subscriptions),
            invoices=join_by_id(self.invoices, other.invoices),
            reviews=join_by_id(self.reviews, other.reviews),
            fraud_warning_ids=join_ids(self.fraud_warning_ids, other.fraud_warning_ids),
        )

    @property
    def status(self) -> PaymentStatus:
        """`paid` never goes back, and a buyer who has confirmed can no longer let it expire."""
        if self.paid:
            return self._status_of_paid()
        if self.bank_failed:
            return PaymentStatus.FAILED
        if self.awaits_bank:
            return PaymentStatus.PROCESSING
        if self.expired:
            return PaymentStatus.EXPIRED
        return PaymentStatus.OPEN

    def _status_of_paid(self) -> PaymentStatus:
        """A dispute that is open or lost tells more than a refund beside it."""
        if any(
            dispute.is_against_the_shop
            for dispute in self.disputes.values()
            if self._is_of_first_payment(dispute.intent_id)
            and self._is_of_first_payment(dispute.charge_id)
        ):
            return PaymentStatus.DISPUTED
        refunded_minor = self.amount_refunded_minor
        if refunded_minor == 0:
            return PaymentStatus.PAID
        if self.amount_total_minor is not None and refunded_minor >= self.amount_total_minor:
            return PaymentStatus.REFUNDED
        return PaymentStatus.PARTIALLY_REFUNDED

    @property
    def amount_refunded_minor(self) -> int:
        """What has gone back of the first payment; a renewal's refund is the renewal's matter."""
        return amount_refunded_minor(self.refunds, self.charges, counts=self._is_of_first_payment)

    @property
    def renewals_paid(self) -> int:
        """How many invoices were paid after the first."""
        return sum(
            invoice.paid and self._is_renewal(invoice_id, invoice)
            for invoice_id, invoice in self.invoices.items()
        )

    @property
    def subscription(self) -> Subscription | None:
        """The session's subscription as it stands, where its events have come."""
        return self.subscriptions.get(self.subscription_id or "")

    @property
    def contradicted(self) -> bool:
        """Whether Stripe has told of this payment what cannot all be true.

        A paid one that failed or expired; or one that failed or expired, though its payment
        intent succeeded. Recorded as such, and never applied: somebody has to look.
        """
        ended_unpaid = self.bank_failed or self.expired
        if self.paid:
            return ended_unpaid
        return ended_unpaid and any(
            intent.state is IntentState.SUCCEEDED
            for intent_id, intent in self.intents.items()
            if self._is_of_first_payment(intent_id)
        )

    def differs_from(self, expected: Money) -> bool:
        """Whether Stripe's subtotal or currency is known, and is not what was expected."""
        return self.amount_subtotal_minor not in {
            None,
            expected.amount_minor,
        } or self.currency not in {None, expected.currency}

    def _is_of_first_payment(self, payment_id: str | None) -> bool:
        """Whether a payment intent or charge is not known to belong to a renewal's invoice."""
        return not any(
            payment_id in invoice.payment_ids and self._is_renewal(invoice_id, invoice)
            for invoice_id, invoice in self.invoices.items()
        )

    def _is_renewal(self, invoice_id: str, invoice: Invoice) -> bool:
        """A session that pays once has no renewals, whatever reason its invoice gives."""
        if self.mode is Mode.PAYMENT or invoice.is_first or invoice_id in self.invoice_ids:
            return False
        return invoice.is_renewal or bool(self.invoice_ids)


def _either_mode(left: Mode | None, right: Mode | None) -> Mode | None:
    if left is None or right is None:
        return right if left is None else left
    return min(left, right)
