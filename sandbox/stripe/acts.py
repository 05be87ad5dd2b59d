"""Everything that can happen to a session, and in which state it can."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from sandbox.stripe import checkout_acts, return_acts, subscription_acts
from sandbox.stripe.outcomes import Outcome
from sandbox.stripe.sessions import Session, Stage


class Act(StrEnum):
    """What can happen to a session; the values are the last part of the URL's path."""

    PAY = "pay"
    PAY_LATER = "pay_later"
    DECLINE = "decline"
    EXPIRE = "expire"
    BANK_SUCCEEDS = "bank_succeeds"
    BANK_FAILS = "bank_fails"
    REFUND = "refund"
    DISPUTE_OPEN = "dispute_open"
    DISPUTE_WIN = "dispute_win"
    DISPUTE_LOSE = "dispute_lose"
    RENEW = "renew"
    CANCEL = "cancel"

    def is_possible(self, session: Session) -> bool:
        """Return whether the session's state allows this act."""
        return RULES[self].need.is_met(session)


class ActRefusedError(Exception):
    """The session's state does not allow this act."""

    def __init__(self, act: Act, session: Session) -> None:
        super().__init__(
            f"{act} needs a session that is {RULES[act].need.text}; it is {session.standing}."
        )


def perform(act: Act, session: Session, amount_minor: int | None = None) -> Outcome:
    """Return the outcome of `act`; `amount_minor` is a refund's amount, by default the rest.

    Raises:
        ActRefusedError: The session's state does not allow it.
        AmountRefusedError: The amount cannot be refunded.
    """
    if not act.is_possible(session):
        raise ActRefusedError(act, session)
    if act is Act.REFUND:
        return return_acts.refund(session, amount_minor)
    return RULES[act].play(session)


@dataclass(frozen=True, slots=True)
class Need:
    """The state that an act needs; `text` completes "a session that is …"."""

    text: str
    is_met: Callable[[Session], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """What an act needs, and what it leads to."""

    need: Need
    play: Callable[[Session], Outcome]


_OPEN = Need("open", lambda session: session.stage is Stage.OPEN)
_AWAITING_BANK = Need("awaiting_bank", lambda session: session.stage is Stage.AWAITING_BANK)
_REFUNDABLE = Need(
    "paid once, not all refunded, and without a dispute that is open or lost",
    lambda session: session.refundable_minor > 0,
)
_IN_DISPUTE = Need("in an open dispute", lambda session: session.is_in_dispute)
_SUBSCRIBED = Need("a paid subscription", lambda session: session.is_subscribed)

RULES: Mapping[Act, Rule] = MappingProxyType(
    {
        Act.PAY: Rule(_OPEN, checkout_acts.pay),
        Act.PAY_LATER: Rule(_OPEN, checkout_acts.pay_later),
        Act.DECLINE: Rule(_OPEN, checkout_acts.decline),
        Act.EXPIRE: Rule(_OPEN, checkout_acts.expire),
        Act.BANK_SUCCEEDS: Rule(_AWAITING_BANK, checkout_acts.bank_succeeds),
        Act.BANK_FAILS: Rule(_AWAITING_BANK, checkout_acts.bank_fails),
        Act.REFUND: Rule(_REFUNDABLE, return_acts.refund),
        Act.DISPUTE_OPEN: Rule(_REFUNDABLE, return_acts.open_dispute),
        Act.DISPUTE_WIN: Rule(_IN_DISPUTE, return_acts.win_dispute),
        Act.DISPUTE_LOSE: Rule(_IN_DISPUTE, return_acts.lose_dispute),
        Act.RENEW: Rule(_SUBSCRIBED, subscription_acts.renew),
        Act.CANCEL: Rule(_SUBSCRIBED, subscription_acts.cancel),
    }
)
