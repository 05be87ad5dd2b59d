"""Payment intents: the attempts to pay."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.domain.payments.joins import either


class IntentState(StrEnum):
    """A payment intent's state; the members are in order of rank.

    Stripe, payment intents: a failed attempt is not final, because the buyer may try another card.
    Canceled and succeeded are final (payments/paymentintents/lifecycle).
    """

    ATTEMPT_FAILED = "attempt_failed"
    CANCELED = "canceled"
    SUCCEEDED = "succeeded"


_RANK: Final = {state: rank for rank, state in enumerate(IntentState)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One payment intent. `received_minor` is in the minor unit of `currency`.

    `succeeded_at_s` is in epoch seconds. Only succeeded intents have these two.
    `declined_before`: an attempt failed before it got to this state.
    """

    state: IntentState
    succeeded_at_s: int | None = None
    received_minor: int | None = None
    currency: str | None = None
    declined_before: bool = False

    @property
    def was_declined(self) -> bool:
        """Whether an attempt failed.

        Stripe cancels the intent of a session that expires (`cancellation_reason`: `expired`), so
        the last state does not say it.
        """
        return self.declined_before or self.state is IntentState.ATTEMPT_FAILED

    def join(self, other: "Intent") -> "Intent":
        """Join two reports: the higher state counts, and what was received is kept."""
        state = max(self.state, other.state, key=_RANK.__getitem__)
        was_declined = self.was_declined or other.was_declined
        return Intent(
            state=state,
            succeeded_at_s=either(min, self.succeeded_at_s, other.succeeded_at_s),
            received_minor=either(max, self.received_minor, other.received_minor),
            currency=either(min, self.currency, other.currency),
            declined_before=was_declined and state is not IntentState.ATTEMPT_FAILED,
        )


def in_state(
    intents: Mapping[str, Intent], intent_ids: Iterable[str], state: IntentState
) -> Mapping[str, Intent]:
    """Return those of these intents that are in the given state, by id."""
    known = ((intent_id, intents.get(intent_id)) for intent_id in intent_ids)
    return {intent_id: intent for intent_id, intent in known if intent and intent.state is state}


def uncaptured_minor(
    captured: Mapping[str, Intent], total_minor: int | None, currency: str | None
) -> Mapping[str, int]:
    """Return the part of a hold of `total_minor` that was not captured, by the intent's id.

    Empty if everything was captured, or the captured sum is unknown or in another currency.
    """
    received_minor = {
        intent_id: intent.received_minor
        for intent_id, intent in captured.items()
        if intent.received_minor and intent.currency in {None, currency}
    }
    left_minor = (total_minor or 0) - sum(received_minor.values())
    return {min(received_minor): left_minor} if received_minor and left_minor > 0 else {}
