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
    """One payment intent. Amounts are in the minor unit of `currency`.

    `amount_minor` is what the buyer agreed to; `succeeded_at_s` is in epoch seconds. Only succeeded
    intents have these and `received_minor`.
    `declined_before`: an attempt failed before it got to this state.
    """

    state: IntentState
    succeeded_at_s: int | None = None
    amount_minor: int | None = None
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
            amount_minor=either(max, self.amount_minor, other.amount_minor),
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


def paid_minor(succeeded: Mapping[str, Intent], currency: str | None) -> int | None:
    """Return what the buyer agreed to pay by these intents, or more if more was captured.

    None if it is not known of each. A subscription's first intent has less than the session's total
    if the customer's credit balance paid a part (Stripe: billing/customer/balance).
    """
    sums_minor = [
        max(intent.amount_minor, intent.received_minor or 0)
        for intent in succeeded.values()
        if intent.amount_minor is not None and intent.currency in {None, currency}
    ]
    return sum(sums_minor) if sums_minor and len(sums_minor) == len(succeeded) else None


def uncaptured_minor(
    captured: Mapping[str, Intent], total_minor: int | None, currency: str | None
) -> Mapping[str, int]:
    """Return the part of a hold that was not captured, by the intent's id, in the minor unit.

    Empty if everything was captured, or the captured sum is unknown or in another currency. The
    hold is of `total_minor` where an intent was stored without its amount.
    """
    received = {
        intent_id: intent
        for intent_id, intent in captured.items()
        if intent.received_minor and intent.currency in {None, currency}
    }
    left_minor = {
        intent_id: intent.amount_minor - (intent.received_minor or 0)
        for intent_id, intent in received.items()
        if intent.amount_minor is not None
    }
    if received and not left_minor:
        received_minor = sum(intent.received_minor or 0 for intent in received.values())
        left_minor = {min(received): (total_minor or 0) - received_minor}
    return {intent_id: minor for intent_id, minor in left_minor.items() if minor > 0}
