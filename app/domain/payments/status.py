"""The status of a payment, in the words of the contract."""

from enum import StrEnum
from typing import Final


class PaymentStatus(StrEnum):
    """The status that a buyer's page gets."""

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
        """Whether a page can stop waiting, except for the recovery of an expired session."""
        return self in _FINAL


_FINAL: Final = frozenset({PaymentStatus.FAILED, PaymentStatus.EXPIRED})
