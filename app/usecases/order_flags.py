"""The flags of an order: reasons to look at it, from its payments, events and twins."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from app.domain.checkout.cart import Mode
from app.domain.fold.records import EventState
from app.domain.payments.flags import Flag, Flags, items_differ, open_matters
from app.domain.payments.status import PaymentStatus
from app.usecases.orders import FlagCause, OrderParts

KEPT_MONEY: Final = frozenset(
    {PaymentStatus.PAID, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.DISPUTED}
)


def flags_of(parts: OrderParts, status: PaymentStatus) -> Flags:
    """Return the order's flags, in the order of `Flag`, each with its causes."""
    found: defaultdict[Flag, set[str]] = defaultdict(set)
    for flag, causes in _flags(parts, status):
        found[flag].update(causes)
    return {flag: frozenset(found[flag]) for flag in Flag if found[flag]}


def by_flag(known: Iterable[FlagCause]) -> Flags:
    """Return what is stored about one order's flags."""
    causes: defaultdict[Flag, set[str]] = defaultdict(set)
    for each in known:
        causes[each.flag].add(each.cause)
    return {flag: frozenset(ids) for flag, ids in causes.items()}


def _flags(parts: OrderParts, status: PaymentStatus) -> Iterator[tuple[Flag, Iterable[str]]]:
    for payment in parts.payments:
        if payment.facts.contradicted:
            yield Flag.CONTRADICTED, [payment.session_id]
        if payment.price_mismatch:
            yield Flag.PRICE_MISMATCH, [payment.session_id]
        if items_differ(payment.facts):
            yield Flag.ITEMS_DIFFER, [payment.session_id]
        yield from open_matters(payment.facts).items()
    yield Flag.EVENT_FAILED, [each.id for each in parts.events if each.state is EventState.FAILED]
    if parts.twins and status in KEPT_MONEY and _is_one_time(parts):
        yield Flag.PAID_TWICE, parts.twins.paid_ids


def _is_one_time(parts: OrderParts) -> bool:
    return parts.checkout is not None and parts.checkout.cart.mode is Mode.PAYMENT
