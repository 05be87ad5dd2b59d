"""A payment's facts: what its events prove, in any order of arrival.

Facts only grow: joining two sets of facts is commutative, associative and idempotent, so duplicate,
late or unordered events cannot matter. The status is a pure function of the facts.
The package `stripe_events` reads the events.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.checkout.cart import Mode
from app.domain.money import ExpectedSubtotal
from app.domain.payments.disputes import Dispute, FraudWarning, Review
from app.domain.payments.intents import Intent, IntentState, in_state, paid_minor, uncaptured_minor
from app.domain.payments.joins import either, either_mode, join_by_id, join_ids, join_known
from app.domain.payments.refunds import Charge, Refund, amount_refunded_minor
from app.domain.payments.session_details import SessionDetails
from app.domain.payments.status import PaymentStatus
from app.domain.payments.subscriptions import Invoice, Subscription, paid_first


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFacts:
    """What is proven about one payment. Fields change only through `join`.

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
    details: SessionDetails | None = None
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
    fraud_warnings: Mapping[str, FraudWarning] = field(default_factory=dict)

    def join(self, other: "PaymentFacts") -> "PaymentFacts":
        """Join two sets of facts: everything that either one proves.

        A session has one amount, currency, mode and checkout; if two events ever differ in them,
        the choice is arbitrary, but does not depend on their order.
        """
        return PaymentFacts(
            paid=self.paid or other.paid,
            paid_at_s=either(min, self.paid_at_s, other.paid_at_s),
            awaits_bank=self.awaits_bank or other.awaits_bank,
            bank_failed=self.bank_failed or other.bank_failed,
            expired=self.expired or other.expired,
            mode=either_mode(self.mode, other.mode),
            amount_total_minor=either(max, self.amount_total_minor, other.amount_total_minor),
            amount_subtotal_minor=either(
                max, self.amount_subtotal_minor, other.amount_subtotal_minor
            ),
            currency=either(min, self.currency, other.currency),
            details=join_known(self.details, other.details),
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
            fraud_warnings=join_by_id(self.fraud_warnings, other.fraud_warnings),
        )

    @property
    def status(self) -> PaymentStatus:
        """The status; `paid` is final, and a confirmed payment can no longer expire."""
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
        """Whether no more changes are expected; a paid payment can be refunded years later.

        An expired session may be recovered for 30 days, if that is turned on.
        """
        status = self.status
        return status.is_final and not (status is PaymentStatus.EXPIRED and self.recoverable)

    @property
    def is_paid(self) -> bool:
        """Whether it is paid: the session says so, or its hold was captured.

        For a hold, the session's events always say `unpaid`; only its intent's success shows the
        capture (Stripe: payments/place-a-hold-on-a-payment-method). A subscription's first invoice
        may be paid in another way after its session has failed.
        """
        return self.paid or bool(self._captured) or bool(self._paid_first_invoices)

    @property
    def first_paid_at_s(self) -> int | None:
        """The time of the earliest proof of the payment, in epoch seconds."""
        captured, invoices = self._captured.values(), self._paid_first_invoices
        if not captured and not invoices:
            return self.paid_at_s
        times_s = [
            self.paid_at_s,
            *(intent.succeeded_at_s for intent in captured),
            *(invoice.paid_at_s for invoice in invoices),
        ]
        return min((at_s for at_s in times_s if at_s is not None), default=None)

    @property
    def _captured(self) -> Mapping[str, Intent]:
        """The first payment's intents that succeeded after the buyer had confirmed."""
        return self._succeeded if self.awaits_bank else {}

    @property
    def _paid_first_invoices(self) -> Sequence[Invoice]:
        if not self.awaits_bank or self.mode is not Mode.SUBSCRIPTION:
            return ()
        return paid_first(self.invoices, self.invoice_ids)

    @property
    def _succeeded(self) -> Mapping[str, Intent]:
        return in_state(self.intents, self._own_intent_ids, IntentState.SUCCEEDED)

    @property
    def _is_released(self) -> bool:
        """Whether the buyer confirmed, but the payment was canceled: a released hold.

        Or a voucher that the shop canceled; a canceled intent is final.
        """
        return self.awaits_bank and bool(
            in_state(self.intents, self._own_intent_ids, IntentState.CANCELED)
        )

    @property
    def _own_intent_ids(self) -> tuple[str, ...]:
        """The intents known to pay this session or the first invoice; never a renewal's.

        An intent that may belong to something else proves nothing, because `paid` is final.
        """
        first = (
            payment_id
            for invoice_id, invoice in self.invoices.items()
            if invoice.is_first or invoice_id in self.invoice_ids
            for payment_id in invoice.payment_ids
        )
        return (*self.intent_ids, *first)

    def _status_of_paid(self) -> PaymentStatus:
        """The refund or dispute status; an open or lost dispute takes precedence over a refund."""
        if self.disputes and self._is_disputed:
            return PaymentStatus.DISPUTED
        refunded_minor = self.amount_refunded_minor
        if refunded_minor == 0:
            return PaymentStatus.PAID
        whole_minor = paid_minor(self._succeeded, self.currency)
        if whole_minor is None:
            whole_minor = self.amount_total_minor
        if whole_minor is not None and refunded_minor >= whole_minor:
            return PaymentStatus.REFUNDED
        return PaymentStatus.PARTIALLY_REFUNDED

    @property
    def _is_disputed(self) -> bool:
        is_of_first_payment = self._first_payment_test()
        return any(
            dispute.is_against_the_shop
            for dispute in self.disputes.values()
            if is_of_first_payment(dispute.intent_id, dispute.charge_id)
        )

    @property
    def amount_refunded_minor(self) -> int:
        """The amount refunded of the first payment; refunds of renewals don't count.

        The part of a hold that was not captured counts too, as Stripe releases it. Before anything
        is captured, nothing can go back, even if a released hold is reported as refunded.
        """
        if self.awaits_bank and not self.is_paid:
            return 0
        if not self.refunds and not self.charges and not self.awaits_bank:
            return 0  # nearly always
        captured, total_minor = self._captured, None if self.paid else self.amount_total_minor
        return amount_refunded_minor(
            self.refunds,
            self.charges,
            counts=self._first_payment_test(),
            released_minor=uncaptured_minor(captured, total_minor, self.currency),
            captured_at_s={id_: intent.succeeded_at_s for id_, intent in captured.items()},
        )

    @property
    def renewals_paid(self) -> int:
        """The number of paid invoices after the first one."""
        return sum(
            invoice.paid and self.is_renewal(invoice_id, invoice)
            for invoice_id, invoice in self.invoices.items()
        )

    @property
    def subscription(self) -> Subscription | None:
        """The session's subscription, if any of its events have arrived."""
        return self.subscriptions.get(self.subscription_id or "")

    @property
    def contradicted(self) -> bool:
        """Whether Stripe's events about this payment contradict each other.

        It is paid, but also failed or expired; or it failed or expired, but its payment intent
        succeeded. This is only recorded: somebody has to check the payment. A subscription's first
        invoice may be paid after the bank refused.
        """
        is_refused = self.bank_failed and self.mode is not Mode.SUBSCRIPTION
        if not (is_refused or self.expired):
            return False
        if self.is_paid:
            return True
        is_of_first_payment = self._first_payment_test()
        return any(
            intent.state is IntentState.SUCCEEDED
            for intent_id, intent in self.intents.items()
            if is_of_first_payment(intent_id, None)
        )

    def differs_from(self, expected: ExpectedSubtotal) -> bool:
        """Return whether Stripe's subtotal or currency is known and differs from `expected`.

        While a subscription's first period costs nothing (a trial, a metered price), the subtotal
        is that of its one-time fees. Line items that were read say which prices recur.
        """
        subtotals_minor = {None, expected.amount_minor}
        if self.mode is Mode.SUBSCRIPTION:
            recurring_minor = self.details.recurring_minor if self.details else None
            subtotals_minor.add(
                expected.in_trial_minor
                if recurring_minor is None
                else expected.amount_minor - recurring_minor
            )
        return self.amount_subtotal_minor not in subtotals_minor or self.currency not in {
            None,
            expected.currency,
        }

    def _first_payment_test(self) -> Callable[[str | None, str | None], bool]:
        """Return whether an intent and a charge belong to the first payment, not to a renewal.

        A session in payment mode names its intent, and no other one counts for it.
        """
        if self.mode is Mode.PAYMENT and self.intent_ids:
            return lambda intent_id, _: not intent_id or intent_id in self.intent_ids
        elsewhere = self.renewals_payment_ids
        return lambda *payment_ids: elsewhere.isdisjoint(payment_ids)

    def is_renewal(self, invoice_id: str, invoice: Invoice) -> bool:
        """Return whether an invoice is a renewal; a session in payment mode has none."""
        if self.mode is Mode.PAYMENT or invoice.is_first or invoice_id in self.invoice_ids:
            return False
        return invoice.is_renewal or bool(self.invoice_ids)

    @property
    def renewals_payment_ids(self) -> frozenset[str]:
        """The payment intents and charges that are known to belong to renewals."""
        named = {
            payment_id
            for invoice_id, invoice in self.invoices.items()
            if self.is_renewal(invoice_id, invoice)
            for payment_id in invoice.payment_ids
        }.difference(self._own_intent_ids)
        charged = {id_ for id_, charge in self.charges.items() if charge.intent_id in named}
        return frozenset(named | charged)
