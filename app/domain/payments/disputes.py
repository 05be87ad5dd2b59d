"""Disputes, reviews and fraud warnings of a payment."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.domain.payments.joins import either, later_word


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


# Stripe's statuses in the order of the states; the later one wins. An inquiry may become a dispute,
# and the shop's answer puts either under review (disputes/how-disputes-work).
_WORDS: Final = (
    "warning_needs_response",
    "warning_under_review",
    "needs_response",
    "under_review",
    "warning_closed",
    "prevented",
    "won",
    "lost",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """One dispute. `amount_minor` is in the currency's minor unit.

    `word` is Stripe's status, None for an unknown one; `evidence_due_by_s` is in epoch seconds.
    """

    state: DisputeState
    amount_minor: int
    charge_id: str | None = None
    intent_id: str | None = None
    funds_withdrawn: bool = False
    funds_reinstated: bool = False
    word: str | None = None
    reason: str | None = None
    evidence_due_by_s: int | None = None

    def join(self, other: "Dispute") -> "Dispute":
        """Join two reports: the higher state and the larger amount count."""
        return Dispute(
            state=max(self.state, other.state, key=_RANK.__getitem__),
            amount_minor=max(self.amount_minor, other.amount_minor),
            charge_id=either(min, self.charge_id, other.charge_id),
            intent_id=either(min, self.intent_id, other.intent_id),
            funds_withdrawn=self.funds_withdrawn or other.funds_withdrawn,
            funds_reinstated=self.funds_reinstated or other.funds_reinstated,
            word=later_word(_WORDS, self.word, other.word),
            reason=either(min, self.reason, other.reason),
            evidence_due_by_s=either(max, self.evidence_due_by_s, other.evidence_due_by_s),
        )

    @property
    def status(self) -> str:
        """Stripe's status."""
        if self.word is None:  # stored by a version that knew only whether it is open
            return "needs_response" if self.is_open else self.state.value
        return self.word

    @property
    def is_open(self) -> bool:
        """Whether it is still undecided."""
        return self.state is DisputeState.OPEN

    @property
    def is_inquiry(self) -> bool:
        """Whether the bank only asks so far; no money was taken back."""
        return self.status.startswith("warning_")

    @property
    def is_to_be_answered(self) -> bool:
        """Whether the shop may still send evidence, until `evidence_due_by_s`."""
        return self.is_open and self.status.endswith("needs_response")

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


@dataclass(frozen=True, slots=True, kw_only=True)
class FraudWarning:
    """A card network's warning (Stripe: radar/early_fraud_warning).

    `answered`: Stripe says that it asks for nothing any more. A version that knew neither id
    stored None for both.
    """

    answered: bool = False
    charge_id: str | None = None
    intent_id: str | None = None

    def join(self, other: "FraudWarning") -> "FraudWarning":
        """Join two reports; what is answered stays answered."""
        return FraudWarning(
            answered=self.answered or other.answered,
            charge_id=either(min, self.charge_id, other.charge_id),
            intent_id=either(min, self.intent_id, other.intent_id),
        )
