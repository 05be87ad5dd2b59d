"""Money that goes back after a payment: refunds, and disputes with the buyer's bank."""

from dataclasses import dataclass
from enum import StrEnum


class DisputeStatus(StrEnum):
    """Stripe's `status` of a dispute, as far as it is played here."""

    NEEDS_RESPONSE = "needs_response"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """A part of the charge, or all of it, that the shop sent back."""

    id: str
    amount_minor: int
    created: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A charge that the buyer's bank takes back, until it is decided."""

    id: str
    amount_minor: int
    created: int
    status: DisputeStatus = DisputeStatus.NEEDS_RESPONSE
