"""Money that goes back: refunds by their ids, and the sums that charges report of themselves."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from app.domain.money import AMOUNT_MAX
from app.domain.payments.joins import either


class RefundState(StrEnum):
    """How far a refund has come; what is named later stands above what is named before.

    Stripe, refunds: one that succeeded can still fail, a failed one stays so. `requires_action`
    counts as pending, `canceled` as failed.
    """

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


_RANK: Final = {state: rank for rank, state in enumerate(RefundState)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """One refund. `amount_minor` is in the currency's minor unit."""

    state: RefundState
    amount_minor: int
    charge_id: str | None = None
    intent_id: str | None = None

    def join(self, other: "Refund") -> "Refund":
        """A refund's amount and charge never change; its state goes up in rank."""
        return Refund(
            state=max(self.state, other.state, key=_RANK.__getitem__),
            amount_minor=max(self.amount_minor, other.amount_minor),
            charge_id=either(min, self.charge_id, other.charge_id),
            intent_id=either(min, self.intent_id, other.intent_id),
        )

    @property
    def stands(self) -> bool:
        """Whether the money is on its way back or has arrived."""
        return self.state is not RefundState.FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """The largest sum that a charge has ever reported as refunded, in the minor unit."""

    refunded_minor: int
    intent_id: str | None = None

    def join(self, other: "Charge") -> "Charge":
        """Reports come in any order; the largest was true once."""
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
) -> int:
    """What has gone back, of those payment intents and charges whose ids `counts`.

    A charge and its refunds tell the same story, and either may be missing. For each payment, the
    larger of the two counts: the refunds that stand, or what the charge once reported less what
    has failed since. A sum beyond `AMOUNT_MAX`, which only made-up amounts reach, is `AMOUNT_MAX`.

    `released_minor` is what the capture of a part left of a hold, by intent id. The charge's report
    includes it; a refund of just this sum is it; all other refunds come on top.
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
            if refund.stands and refund.amount_minor == untold_minor.get(payment):
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
