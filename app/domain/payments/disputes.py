"""Disputes and reviews of a payment."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.domain.payments.joins import either


class DisputeState(StrEnum):
    """A dispute's state; the members are in order of rank.

    Stripe, disputes: every outcome is final. If two outcomes are ever reported for one dispute,
    the worse one for the shop counts.
    """

    OPEN = "open"
    WARNING_CLOSED = "warning_closed"
    PREVENTED = "prevented"
    WON = "won"
    LOST = "lost"


_RANK: Final = {state: rank for rank, state in enumerate(DisputeState)}
_AGAINST_THE_SHOP: Final = frozenset({DisputeState.OPEN, DisputeState.LOST})


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """One dispute. `amount_minor` is in the currency's minor unit."""

    state: DisputeState
    amount_minor: int
    charge_id: str | None = None
    intent_id: str | None = None
    funds_withdrawn: bool = False
    funds_reinstated: bool = False

    def join(self, other: "Dispute") -> "Dispute":
        """Join two reports: the higher state and the larger amount count."""
        return Dispute(
            state=max(self.state, other.state, key=_RANK.__getitem__),
            amount_minor=max(self.amount_minor, other.amount_minor),
            charge_id=either(min, self.charge_id, other.charge_id),
            intent_id=either(min, self.intent_id, other.intent_id),
            funds_withdrawn=self.funds_withdrawn or other.funds_withdrawn,
            funds_reinstated=self.funds_reinstated or other.funds_reinstated,
        )

    @property
    def is_against_the_shop(self) -> bool:
        """Whether the money is disputed or lost."""
        return self.state in _AGAINST_THE_SHOP


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A Radar review, which asks somebody to check the payment (Stripe: radar/reviews)."""

    closed: bool

    def join(self, other: "Review") -> "Review":
        """Join two reports; a closed review is never reopened."""
        return Review(closed=self.closed or other.closed)
