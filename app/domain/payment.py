"""A payment is what its Checkout Session's events prove, in whatever order they come.

Its facts only grow: joining two sets of facts is commutative, associative and idempotent, so
repetition, delay and disorder cannot matter. The status is a pure function of the facts.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar
from urllib.parse import parse_qs, urlsplit

from app.domain.cart import Mode
from app.domain.events import StripeEvent
from app.domain.money import Money

SESSION_ID: Final = re.compile(r"cs_[A-Za-z0-9_]{1,250}")
CHECKOUT_ID: Final = re.compile(r"chk_[0-9a-v]{36}")

_OBJECT_ID = re.compile(r"[A-Za-z0-9_]{1,255}")
_CURRENCY = re.compile(r"[a-z]{3}")
_AMOUNT_MAX = 2**53

T = TypeVar("T", int, str)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFacts:
    """What is proven about one payment. Every field grows by `join` alone.

    `amount_total_minor` is in the currency's minor unit, times are epoch seconds.
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

    def join(self, other: "PaymentFacts") -> "PaymentFacts":
        """Everything that either side proves.

        One session has one amount, currency, mode and checkout; should two events ever differ
        in them, the choice is arbitrary but the same in any order.
        """
        return PaymentFacts(
            paid=self.paid or other.paid,
            paid_at_s=_either(min, self.paid_at_s, other.paid_at_s),
            awaits_bank=self.awaits_bank or other.awaits_bank,
            bank_failed=self.bank_failed or other.bank_failed,
            expired=self.expired or other.expired,
            mode=_either_mode(self.mode, other.mode),
            amount_total_minor=_either(max, self.amount_total_minor, other.amount_total_minor),
            amount_subtotal_minor=_either(
                max, self.amount_subtotal_minor, other.amount_subtotal_minor
            ),
            currency=_either(min, self.currency, other.currency),
            checkout_id=_either(min, self.checkout_id, other.checkout_id),
        )

    @property
    def status(self) -> PaymentStatus:
        """`paid` never goes back, and a buyer who has confirmed can no longer let it expire."""
        if self.paid:
            return PaymentStatus.PAID
        if self.bank_failed:
            return PaymentStatus.FAILED
        if self.awaits_bank:
            return PaymentStatus.PROCESSING
        if self.expired:
            return PaymentStatus.EXPIRED
        return PaymentStatus.OPEN

    def differs_from(self, expected: Money) -> bool:
        """Whether Stripe's subtotal or currency is known, and is not what was expected."""
        return self.amount_subtotal_minor not in {
            None,
            expected.amount_minor,
        } or self.currency not in {None, expected.currency}

    @property
    def contradicted(self) -> bool:
        """Whether Stripe has said that the paid payment failed or expired, too."""
        return self.paid and (self.bank_failed or self.expired)


@dataclass(frozen=True, slots=True)
class PaymentNews:
    """What one event says of one payment: its session, the facts, the ids that belong to it."""

    session_id: str
    facts: PaymentFacts
    linked_ids: tuple[str, ...]


class CannotFoldError(Exception):
    """An event of a kind that concerns payments has a form that nobody foresaw."""


def read_payment_news(event: StripeEvent) -> PaymentNews | None:
    """What `event` says of a payment; None where it says nothing of one.

    Raises:
        CannotFoldError: the event is about a payment, but cannot be understood.
    """
    prove = _PROOFS.get(event.type)
    if prove is None:
        return None
    session = event.subject
    session_id = session.get("id")
    if not isinstance(session_id, str) or not SESSION_ID.fullmatch(session_id):
        raise CannotFoldError("data.object.id is not a Checkout Session's id")
    what_happened = prove(event)
    return PaymentNews(session_id, what_happened.join(_described(session)), _linked_ids(session))


def _completed(event: StripeEvent) -> PaymentFacts:
    """Stripe, checkout/fulfillment: fulfil whenever payment_status is not `unpaid`."""
    match event.subject.get("payment_status"):
        case "paid" | "no_payment_required":
            return _paid(event)
        case "unpaid":
            return PaymentFacts(awaits_bank=True)
        case _:
            raise CannotFoldError("data.object.payment_status is of an unknown kind")


def _paid(event: StripeEvent) -> PaymentFacts:
    return PaymentFacts(paid=True, paid_at_s=event.created_s)


def _bank_failed(_: StripeEvent) -> PaymentFacts:
    return PaymentFacts(awaits_bank=True, bank_failed=True)


def _expired(_: StripeEvent) -> PaymentFacts:
    return PaymentFacts(expired=True)


_PROOFS: Final[Mapping[str, Callable[[StripeEvent], PaymentFacts]]] = {
    "checkout.session.completed": _completed,
    "checkout.session.async_payment_succeeded": _paid,
    "checkout.session.async_payment_failed": _bank_failed,
    "checkout.session.expired": _expired,
}


def _described(session: Mapping[str, object]) -> PaymentFacts:
    """The session's own fields; one of an unforeseen kind is left out, never guessed."""
    mode, currency = session.get("mode"), session.get("currency")
    return PaymentFacts(
        mode=Mode(mode) if isinstance(mode, str) and mode in set(Mode) else None,
        amount_total_minor=_amount_minor(session.get("amount_total")),
        amount_subtotal_minor=_amount_minor(session.get("amount_subtotal")),
        currency=currency if isinstance(currency, str) and _CURRENCY.fullmatch(currency) else None,
        checkout_id=_checkout_id(session.get("success_url")),
    )


def _amount_minor(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < _AMOUNT_MAX else None


def _checkout_id(success_url: object) -> str | None:
    """Our own id, as `/checkout` put it into the success URL: the join where no other is known."""
    if not isinstance(success_url, str):
        return None
    try:
        values = parse_qs(urlsplit(success_url).query).get("checkout_id", [])
    except ValueError:
        return None
    return next((value for value in reversed(values) if CHECKOUT_ID.fullmatch(value)), None)


def _linked_ids(session: Mapping[str, object]) -> tuple[str, ...]:
    """The ids by which later events will speak of this payment; a field may be expanded."""
    ids = []
    for name in ("payment_intent", "subscription", "invoice"):
        value = session.get(name)
        if isinstance(value, dict):
            value = value.get("id")
        if isinstance(value, str) and _OBJECT_ID.fullmatch(value):
            ids.append(value)
    return tuple(ids)


def _either(choose: Callable[[T, T], T], left: T | None, right: T | None) -> T | None:
    if left is None or right is None:
        return right if left is None else left
    return choose(left, right)


def _either_mode(left: Mode | None, right: Mode | None) -> Mode | None:
    if left is None or right is None:
        return right if left is None else left
    return min(left, right)
