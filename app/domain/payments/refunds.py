"""Refunds by id, and the refunded sums that charges report."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from app.domain.money import AMOUNT_MAX
from app.domain.payments.joins import either, later_word


class RefundState(StrEnum):
    """A refund's state; the members are in order of rank.

    Stripe, refunds: a succeeded refund can still fail; failed is final. `requires_action` counts as
    pending, `canceled` as failed.
    """

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


# Stripe's statuses in the order of the states; the later one wins.
_WORDS: Final = ("requires_action", "pending", "succeeded", "canceled", "failed")
_RANK: Final = {state: rank for rank, state in enumerate(RefundState)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """One refund. `amount_minor` is in the currency's minor unit.

    `word` is Stripe's status; None if Stripe sent none, or an unknown one. `created_s` is when
    Stripe created it, in epoch seconds; None if an older version stored it.
    """

    state: RefundState
    amount_minor: int
    charge_id: str | None = None
    intent_id: str | None = None
    word: str | None = None
    created_s: int | None = None

    def join(self, other: "Refund") -> "Refund":
        """Join two reports: the higher state counts; amount and charge never change."""
        return Refund(
            state=max(self.state, other.state, key=_RANK.__getitem__),
            amount_minor=max(self.amount_minor, other.amount_minor),
            charge_id=either(min, self.charge_id, other.charge_id),
            intent_id=either(min, self.intent_id, other.intent_id),
            word=later_word(_WORDS, self.word, other.word),
            created_s=either(min, self.created_s, other.created_s),
        )

    @property
    def status(self) -> str:
        """Stripe's status."""
        return self.word or self.state.value

    @property
    def stands(self) -> bool:
        """Whether the money was or will be returned."""
        return self.state is not RefundState.FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """The largest refunded sum that a charge has reported, in the minor unit."""

    refunded_minor: int
    intent_id: str | None = None

    def join(self, other: "Charge") -> "Charge":
        """Join two reports, which may come in any order: the larger sum counts."""
        return Charge(
            refunded_minor=max(self.refunded_minor, other.refunded_minor),
            intent_id=either(min, self.intent_id, other.intent_id),
        )


def amount_refunded_minor(
    refunds: Mapping[str, Refund],
    charges: Mapping[str, Charge],
    *,
    counts: Callable[[str | None, str | None], bool],
    released_minor: Mapping[str, int] = MappingProxyType({}),
    captured_at_s: Mapping[str, int | None] = MappingProxyType({}),
) -> int:
    """Return the refunded amount of the payment intents and charges whose ids `counts` accepts.

    A charge and its refunds report the same money, and either may be missing. For each payment, the
    larger of the two counts: the refunds that did not fail, or the charge's reported sum less what
    has failed since. The sum is at most `AMOUNT_MAX`, which only fake amounts exceed.

    `released_minor` is the part of a hold that was not captured, by intent id, and `captured_at_s`
    the time of the capture. Before API version 2025-03-31, the charge's report includes it, and
    a refund of exactly this sum, made by the capture, is it. All other refunds are added.
    """
    if not refunds and not charges and not released_minor:
        return 0  # nearly always
    standing, failed, reported = (defaultdict[str, int](int) for _ in range(3))
    untold_minor = dict(released_minor)
    for refund in refunds.values():
        charge = charges.get(refund.charge_id or "")
        intent_id = refund.intent_id or (charge.intent_id if charge else None)
        if counts(intent_id, refund.charge_id):
            payment = intent_id or refund.charge_id or ""
            (standing if refund.stands else failed)[payment] += refund.amount_minor
            is_rest = refund.stands and refund.amount_minor == untold_minor.get(payment)
            if is_rest and _made_by(captured_at_s.get(payment), refund):
                del untold_minor[payment]
    for payment, left_minor in untold_minor.items():
        standing[payment] += left_minor
    for charge_id, charge in charges.items():
        if counts(charge.intent_id, charge_id):
            reported[charge.intent_id or charge_id] += charge.refunded_minor
    total = sum(
        max(standing[payment], reported[payment] - failed[payment])
        for payment in standing.keys() | reported.keys()
    )
    return min(total, AMOUNT_MAX)


def _made_by(captured_at_s: int | None, refund: Refund) -> bool:
    """Return whether a capture made the refund, not somebody after it. Unknown times may agree."""
    if captured_at_s is None or refund.created_s is None:
        return True
    return refund.created_s <= captured_at_s + 1
