"""Money as Stripe has it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount in the currency's minor unit, the currency in lower case as Stripe has it."""

    amount_minor: int
    currency: str
