"""Payment intents: how far the money of one attempt to pay has come."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.domain.payments.joins import either


class IntentState(StrEnum):
    """How a payment intent stands; what is named later stands above what is named before.

    Stripe, payment intents: a failed attempt is not final, the buyer may try another card. One
    that was canceled or has succeeded stays so (payments/paymentintents/lifecycle).
    """

    ATTEMPT_FAILED = "attempt_failed"
    CANCELED = "canceled"
    SUCCEEDED = "succeeded"


_RANK: Final = {state: rank for rank, state in enumerate(IntentState)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One payment intent. `received_minor` is in the minor unit of `currency`.

    `succeeded_at_s` is in epoch seconds; it and the sum are of intents that have succeeded.
    """

    state: IntentState
    succeeded_at_s: int | None = None
    received_minor: int | None = None
    currency: str | None = None

    def join(self, other: "Intent") -> "Intent":
        """The state goes up in rank; what was received stays so."""
        return Intent(
            state=max(self.state, other.state, key=_RANK.__getitem__),
            succeeded_at_s=either(min, self.succeeded_at_s, other.succeeded_at_s),
            received_minor=either(max, self.received_minor, other.received_minor),
            currency=either(min, self.currency, other.currency),
        )


def in_state(
    intents: Mapping[str, Intent], intent_ids: tuple[str, ...], state: IntentState
) -> list[Intent]:
    """Those of these intents that are known to be in a state."""
    known = (intents.get(intent_id) for intent_id in intent_ids)
    return [intent for intent in known if intent and intent.state is state]
