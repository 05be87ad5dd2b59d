"""Whose checkout a session pays, where the checkout does not know the session's id."""

from dataclasses import dataclass
from typing import Protocol

from app.domain.money import Money
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.flags import items_differ


class Claimed(Protocol):
    """Of a checkout, what decides whether a session is its own, and costs what it should."""

    @property
    def session_id(self) -> str | None:
        """The session that was made for it, where the payment page's URL told."""
        ...

    @property
    def key_digest(self) -> str | None:
        """Of the secret in its success URL; None for a version that had none."""
        ...

    @property
    def expected(self) -> Money | None:
        """What the catalogue says that it costs."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldCheckout:
    """A checkout with no more than that."""

    id: str
    session_id: str | None
    key_digest: str | None
    expected: Money | None


def is_owner(checkout: Claimed, facts: PaymentFacts) -> bool:
    """Whether a session whose success URL names this checkout was made for it.

    The secret in the URL proves it; a checkout of a version without secrets is joined by its id.
    Never where the session is known to cost something else than the checkout. A checkout that
    knows its session is paid by that one, or by those that recover it, one after the other. Any
    other with the same URL is a retry's spare one, or a buyer's own, who knows the secret.
    """
    if checkout.session_id is not None:
        return False
    is_another = checkout.expected is not None and facts.differs_from(checkout.expected)
    return has_secret(checkout, facts) and not is_another


def has_secret(checkout: Claimed, facts: PaymentFacts) -> bool:
    """Whether the session's success URL holds the checkout's secret, where it has one."""
    if checkout.key_digest is None:
        return checkout.session_id is None
    return checkout.key_digest == facts.checkout_key_digest


def is_foreign(facts: PaymentFacts, named: SoldCheckout | None) -> bool:
    """Whether a session's success URL names a checkout that was not sent to this session's page.

    Where the checkout knows its session, nobody is deceived.
    """
    return named is not None and named.session_id is None and not has_secret(named, facts)


def is_mismatch(session_id: str, facts: PaymentFacts, sold: SoldCheckout | None) -> bool:
    """Whether the catalogue said what the session's cart costs, and Stripe says something else."""
    if sold is None or sold.expected is None or not facts.differs_from(sold.expected):
        return False
    if items_differ(facts):  # then another sum is right, and the order is flagged for its items
        return False
    if sold.session_id == session_id:
        return True
    return (sold.session_id is None or facts.recovered_from is not None) and has_secret(sold, facts)


def order_id_of(session_id: str, facts: PaymentFacts, sold: SoldCheckout | None) -> str:
    """The id of a session's order: its checkout's, or its own where it belongs to none of ours.

    A session that recovers another keeps the success URL, and so the secret of its checkout.
    """
    if sold is None:
        return session_id
    is_recovery = facts.recovered_from is not None and has_secret(sold, facts)
    is_ours = sold.session_id == session_id or is_owner(sold, facts) or is_recovery
    return sold.id if is_ours else session_id
