"""What stands beside a payment: disputes and reviews."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.domain.payments.joins import either


class DisputeState(StrEnum):
    """How far a dispute has come; what is named later stands above what is named before.

    Stripe, disputes: every end is final. Should two ends ever be told of one dispute, the worse
    for the shop is believed.
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
        """The state goes up in rank; an amount that was raised stays so."""
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
        """Whether the money is contested, or gone."""
        return self.state in _AGAINST_THE_SHOP


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A payment that Radar wants somebody to look at (Stripe: radar/reviews)."""

    closed: bool

    def join(self, other: "Review") -> "Review":
        """A closed review is not opened again."""
        return Review(closed=self.closed or other.closed)
