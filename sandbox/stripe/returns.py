"""Money that is returned after a payment: refunds and disputes."""

from dataclasses import dataclass
from enum import StrEnum


class DisputeStatus(StrEnum):
    """The values of a dispute's Stripe `status` that the sandbox uses."""

    NEEDS_RESPONSE = "needs_response"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """A full or partial refund of the charge."""

    id: str
    amount_minor: int
    created: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A dispute of the charge."""

    id: str
    amount_minor: int
    created: int
    status: DisputeStatus = DisputeStatus.NEEDS_RESPONSE
