"""Decides which checkout a session pays, if the checkout does not know the session's id."""

from dataclasses import dataclass
from typing import Final, Protocol

from app.domain.money import ExpectedSubtotal
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.flags import items_differ

# Sessions that recover one another in sequence; Stripe lets each page expire before the next.
RECOVERIES_MAX: Final = 100


class Claimed(Protocol):
    """A checkout's data that decide whether a session belongs to it, and has the right price."""

    @property
    def session_id(self) -> str | None:
        """The session created for it, if the payment page's URL contained its id."""
        ...

    @property
    def key_digest(self) -> str | None:
        """The digest of the secret in its success URL; None if an older version started it."""
        ...

    @property
    def expected(self) -> ExpectedSubtotal | None:
        """The price according to the catalog."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldCheckout:
    """What the fold needs to know about a checkout."""

    id: str
    session_id: str | None
    key_digest: str | None
    expected: ExpectedSubtotal | None


def is_owner(checkout: Claimed, facts: PaymentFacts) -> bool:
    """Return whether a session whose success URL names this checkout was created for it.

    The secret in the URL proves it; a checkout from a version without secrets is matched by its id.
    Never if the session is known to have another price. A checkout that knows its session is paid
    by that one, or by sessions that recover it. Any other session with the same URL is a retry's
    spare one, or was started by a buyer, who knows the secret.
    """
    if checkout.session_id is not None:
        return False
    is_another = checkout.expected is not None and facts.differs_from(checkout.expected)
    return has_secret(checkout, facts) and not is_another


def has_secret(checkout: Claimed, facts: PaymentFacts) -> bool:
    """Return whether the session's success URL contains the checkout's secret, if it has one."""
    if checkout.key_digest is None:
        return checkout.session_id is None
    return checkout.key_digest == facts.checkout_key_digest


def is_foreign(facts: PaymentFacts, named: SoldCheckout | None) -> bool:
    """Return whether a session's success URL names a checkout that it was not created for.

    If the checkout knows its session, this does no harm.
    """
    return named is not None and named.session_id is None and not has_secret(named, facts)


def is_mismatch(session_id: str, facts: PaymentFacts, sold: SoldCheckout | None) -> bool:
    """Return whether the catalog's price for the session's cart differs from Stripe's."""
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
