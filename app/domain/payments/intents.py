"""Payment intents: how far the money of one attempt to pay has come."""

from collections.abc import Iterable, Mapping
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
    intents: Mapping[str, Intent], intent_ids: Iterable[str], state: IntentState
) -> Mapping[str, Intent]:
    """Those of these intents that are known to be in a state, by id."""
    known = ((intent_id, intents.get(intent_id)) for intent_id in intent_ids)
    return {intent_id: intent for intent_id, intent in known if intent and intent.state is state}


def uncaptured_minor(
    captured: Mapping[str, Intent], total_minor: int | None, currency: str | None
) -> Mapping[str, int]:
    """What the capture of a part left of a hold of `total_minor`, by the intent's id.

    Empty where all was captured, or nothing is known: no sum, or one in another currency.
    """
    received_minor = {
        intent_id: intent.received_minor
        for intent_id, intent in captured.items()
        if intent.received_minor and intent.currency in {None, currency}
    }
    left_minor = (total_minor or 0) - sum(received_minor.values())
    return {min(received_minor): left_minor} if received_minor and left_minor > 0 else {}
