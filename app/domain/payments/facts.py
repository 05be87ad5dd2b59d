"""A payment is what its Checkout Session's events prove, in whatever order they come.

Its facts only grow: joining two sets of facts is commutative, associative and idempotent, so
repetition, delay and disorder cannot matter. The status is a pure function of the facts.
How an event is read stands in `payment_evidence`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from app.domain.checkout.cart import Mode
from app.domain.money import Money
from app.domain.payments.disputes import Dispute, Review
from app.domain.payments.intents import Intent, IntentState, in_state, uncaptured_minor
from app.domain.payments.joins import either, join_by_id, join_ids
from app.domain.payments.refunds import Charge, Refund, amount_refunded_minor
from app.domain.payments.subscriptions import Invoice, Subscription


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
        """Whether a page need not wait for more, but for the recovery of what has expired."""
        return self in _FINAL


_FINAL: Final = frozenset({PaymentStatus.FAILED, PaymentStatus.EXPIRED})


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFacts:
    """What is proven about one payment. Every field grows by `join` alone.

    `amount_total_minor` is in the currency's minor unit, times are epoch seconds. Maps are from
    Stripe's ids. `intent_ids` and `invoice_ids` are those that the session itself names: of the
    first payment. `recovered_from` is the expired session that the buyer has come back from;
    `recoverable`: Stripe may bring a buyer of this one back. `checkout_id` and the digest of the
    checkout's secret are what its success URL claims.
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
    checkout_key_digest: str | None = None
    recovered_from: str | None = None
    recoverable: bool = False
    subscription_id: str | None = None
    intent_ids: tuple[str, ...] = ()
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
            checkout_key_digest=either(min, self.checkout_key_digest, other.checkout_key_digest),
            recovered_from=either(min, self.recovered_from, other.recovered_from),
            recoverable=self.recoverable or other.recoverable,
            subscription_id=either(min, self.subscription_id, other.subscription_id),
            intent_ids=join_ids(self.intent_ids, other.intent_ids),
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
        if self.is_paid:
            return self._status_of_paid()
        if self.bank_failed or self._is_released:
            return PaymentStatus.FAILED
        if self.awaits_bank:
            return PaymentStatus.PROCESSING
        if self.expired:
            return PaymentStatus.EXPIRED
        return PaymentStatus.OPEN

    @property
    def is_final(self) -> bool:
        """Whether Stripe has nothing more to tell. What was paid can go back years later.

        A session that has expired may be recovered for 30 days, where that is turned on.
        """
        status = self.status
        return status.is_final and not (status is PaymentStatus.EXPIRED and self.recoverable)

    @property
    def is_paid(self) -> bool:
        """Whether the money has come: the session says so, or a hold of its own was captured.

        Of a hold the session's events only ever say `unpaid`; that its intent succeeded is all
        that tells of the capture (Stripe: payments/place-a-hold-on-a-payment-method).
        """
        return self.paid or bool(self._captured)

    @property
    def first_paid_at_s(self) -> int | None:
        """When the earliest proof of the payment was made, in epoch seconds."""
        times_s = [self.paid_at_s, *(intent.succeeded_at_s for intent in self._captured.values())]
        return min((at_s for at_s in times_s if at_s is not None), default=None)

    @property
    def _captured(self) -> Mapping[str, Intent]:
        """The first payment's intents that have succeeded after the buyer had confirmed."""
        if not self.awaits_bank:
            return {}
        return in_state(self.intents, self._own_intent_ids, IntentState.SUCCEEDED)

    @property
    def _is_released(self) -> bool:
        """Whether the buyer has confirmed, and the money will not come: a hold that was given up.

        Or a voucher that the shop has canceled; an intent that is canceled stays so.
        """
        return self.awaits_bank and bool(
            in_state(self.intents, self._own_intent_ids, IntentState.CANCELED)
        )

    @property
    def _own_intent_ids(self) -> tuple[str, ...]:
        """The intents that are known to pay this session, or the first invoice; never a renewal's.

        Where it is not known whose an intent is, it proves nothing: `paid` can never go back.
        """
        first = (
            payment_id
            for invoice_id, invoice in self.invoices.items()
            if invoice.is_first or invoice_id in self.invoice_ids
            for payment_id in invoice.payment_ids
        )
        return (*self.intent_ids, *first)

    def _status_of_paid(self) -> PaymentStatus:
        """A dispute that is open or lost tells more than a refund beside it."""
        is_of_first_payment = self._first_payment_test()
        if any(
            dispute.is_against_the_shop
            for dispute in self.disputes.values()
            if is_of_first_payment(dispute.intent_id, dispute.charge_id)
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
        """What has gone back of the first payment; a renewal's refund is the renewal's matter.

        What a capture left of a hold has gone back, too: Stripe releases it by itself, and counts
        it in what the charge reports (docs/payments.md), should that report ever come.
        """
        return amount_refunded_minor(
            self.refunds,
            self.charges,
            counts=self._first_payment_test(),
            released_minor={}
            if self.paid
            else uncaptured_minor(self._captured, self.amount_total_minor, self.currency),
        )

    @property
    def renewals_paid(self) -> int:
        """How many invoices were paid after the first."""
        return sum(
            invoice.paid and self.is_renewal(invoice_id, invoice)
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
        if self.is_paid:
            return ended_unpaid
        is_of_first_payment = self._first_payment_test()
        return ended_unpaid and any(
            intent.state is IntentState.SUCCEEDED
            for intent_id, intent in self.intents.items()
            if is_of_first_payment(intent_id, None)
        )

    def differs_from(self, expected: Money) -> bool:
        """Whether Stripe's subtotal or currency is known, and is not what was expected.

        A subscription whose first period costs nothing (a trial, a metered price) has a subtotal
        of 0 today, and its price later.
        """
        subtotals_minor = {None, expected.amount_minor}
        if self.mode is Mode.SUBSCRIPTION:
            subtotals_minor.add(0)
        return self.amount_subtotal_minor not in subtotals_minor or self.currency not in {
            None,
            expected.currency,
        }

    def _first_payment_test(self) -> Callable[[str | None, str | None], bool]:
        """Tells whether what an intent and a charge pay is the first payment, not a renewal.

        A session that pays once names its intent, and no other one counts for it.
        """
        if self.mode is Mode.PAYMENT and self.intent_ids:
            return lambda intent_id, _: not intent_id or intent_id in self.intent_ids
        elsewhere = self.renewals_payment_ids
        return lambda *payment_ids: elsewhere.isdisjoint(payment_ids)

    def is_renewal(self, invoice_id: str, invoice: Invoice) -> bool:
        """A session that pays once has no renewals, whatever reason its invoice gives."""
        if self.mode is Mode.PAYMENT or invoice.is_first or invoice_id in self.invoice_ids:
            return False
        return invoice.is_renewal or bool(self.invoice_ids)

    @property
    def renewals_payment_ids(self) -> frozenset[str]:
        """The payment intents and charges that are known to pay renewals, not the first payment."""
        named = {
            payment_id
            for invoice_id, invoice in self.invoices.items()
            if self.is_renewal(invoice_id, invoice)
            for payment_id in invoice.payment_ids
        }.difference(self._own_intent_ids)
        charged = {id_ for id_, charge in self.charges.items() if charge.intent_id in named}
        return frozenset(named | charged)


def _either_mode(left: Mode | None, right: Mode | None) -> Mode | None:
    if left is None or right is None:
        return right if left is None else left
    return max(left, right)  # a subscription: what was set apart as its renewal stays so
