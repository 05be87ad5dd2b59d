"""Texts of alerts about flagged orders: which order, why, what to do and by when.

They contain only ids, dates and the order number, and nothing that a buyer typed.
"""

from collections.abc import Collection, Mapping
from typing import Final

from app.domain.moments import rfc3339
from app.domain.payments.flags import Flag
from app.usecases.order_document import Order

_NAMED_MAX: Final = 3

# The likely reasons first: Stripe itself may change what is bought (payments/checkout/upsells).
PRICE_HINT: Final = (
    "most often an upsell, a cross-sell or an adjustable quantity that is set in Stripe's "
    "dashboard, or a price that was changed there or in the catalog; if it is none of these, "
    "somebody may be cheating"
)
_TODO: Final[Mapping[Flag, str]] = {
    Flag.CONTRADICTED: "compare it with Stripe's dashboard before you ship or refund",
    Flag.PRICE_MISMATCH: f"hold it back and look at it in Stripe's dashboard: {PRICE_HINT}",
    Flag.ITEMS_DIFFER: "pack what was bought, not what was in the cart: an upsell, or a quantity "
    "that the buyer changed",
    Flag.FRAUD_WARNING: "refund it in Stripe's dashboard, or expect a dispute; do not ship it",
    Flag.REVIEW: "approve or refund it in Stripe's dashboard before you ship",
    Flag.PAID_TWICE: "the same cart was paid twice: ask the buyer, and refund one of the two",
    Flag.EVENT_FAILED: "run altan-checkout events show with the id of the event",
}


def flag_text(order: Order, flag: Flag, causes: Collection[str]) -> str:
    """Return one sentence about a new flag."""
    return (
        f"{_named(order)} is flagged {flag} ({_listed(causes)}): {flag_todo(order, flag, causes)}"
    )


def reminder_text(order: Order, cause: str) -> str:
    """Return a reminder that half of the time to answer a dispute has passed."""
    todo = flag_todo(order, Flag.DISPUTED, [cause])
    return f"{_named(order)} is still disputed ({cause}), and half of the time is over: {todo}"


def summary_text(orders: Collection[Order]) -> str:
    """Return one sentence about many orders with new flags."""
    ids = _listed([order.id for order in orders])
    return f"{len(orders)} orders are flagged ({ids}): run altan-checkout orders list --flagged"


def _named(order: Order) -> str:
    """Return an order's id, and its order number if the cart had one, which is safe text."""
    number = order.document["client_reference_id"]
    is_ours = order.document["checkout_id"] is not None
    return f"{order.id}{f' ({number})' if is_ours and number else ''}"


def _listed(ids: Collection[str]) -> str:
    named = ", ".join(sorted(ids)[:_NAMED_MAX])
    return named if len(ids) <= _NAMED_MAX else f"{named} and {len(ids) - _NAMED_MAX} more"


def flag_todo(order: Order, flag: Flag, causes: Collection[str]) -> str:
    """Return what to do about a flag."""
    if flag is Flag.ITEMS_DIFFER:
        return f"{_TODO[flag]}; {order.items_text}"
    if flag is not Flag.DISPUTED:
        return _TODO[flag]
    due_s = [at_s for cause, at_s in order.deadlines_s.items() if cause in causes]
    if not due_s:
        return "look at it in Stripe's dashboard; do not ship it"
    date = rfc3339(min(due_s) * 1000)[:10]
    return f"answer it in Stripe's dashboard by {date}, or accept it; do not ship it"
