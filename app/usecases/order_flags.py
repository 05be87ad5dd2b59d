"""Why somebody has to look at an order: each flag with its cause, as text that changes with it."""

from collections.abc import Iterable, Iterator

from app.domain.checkout.cart import Mode
from app.domain.payments.facts import PaymentFacts, PaymentStatus
from app.usecases.orders import Flag, OrderParts
from app.usecases.records import EventState

_KEPT_MONEY = frozenset(
    {PaymentStatus.PAID, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.DISPUTED}
)


def flags_of(parts: OrderParts, status: PaymentStatus) -> dict[Flag, str]:
    """The order's flags, in the order of `Flag`, each with its cause."""
    found = dict(_flags(parts, status))
    return {flag: found[flag] for flag in Flag if flag in found}


def unseen_flags(parts: OrderParts, order_id: str, flags: dict[Flag, str]) -> list[Flag]:
    """Those that no operator has seen, or that have another cause by now."""
    seen = {(each.flag, each.cause) for each in parts.seen if each.order_id == order_id}
    return [flag for flag, cause in flags.items() if (flag, cause) not in seen]


def _flags(parts: OrderParts, status: PaymentStatus) -> Iterator[tuple[Flag, str]]:
    for flag, session_ids in (
        (Flag.CONTRADICTED, [p.session_id for p in parts.payments if p.facts.contradicted]),
        (Flag.PRICE_MISMATCH, [p.session_id for p in parts.payments if p.price_mismatch]),
    ):
        if session_ids:
            yield flag, _cause(session_ids)
    for payment in parts.payments:
        yield from _open_matters(payment.facts, status)
    failed = [each.id for each in parts.events if each.state is EventState.FAILED]
    if failed:
        yield Flag.EVENT_FAILED, _cause(failed)
    if parts.twins and parts.twins.is_paid and status in _KEPT_MONEY and _is_one_time(parts):
        yield Flag.PAID_TWICE, str(parts.checkout and parts.checkout.client_reference_id)


def _open_matters(facts: PaymentFacts, status: PaymentStatus) -> Iterator[tuple[Flag, str]]:
    """A fraud warning asks for a refund: it has been answered once all of it was refunded."""
    disputes = [id_ for id_, dispute in facts.disputes.items() if dispute.is_open]
    reviews = [id_ for id_, review in facts.reviews.items() if not review.closed]
    warnings = facts.fraud_warning_ids if status is not PaymentStatus.REFUNDED else ()
    for flag, ids in (
        (Flag.DISPUTED, disputes),
        (Flag.FRAUD_WARNING, warnings),
        (Flag.REVIEW, reviews),
    ):
        if ids:
            yield flag, _cause(ids)


def _is_one_time(parts: OrderParts) -> bool:
    return parts.checkout is not None and parts.checkout.cart.mode is Mode.PAYMENT


def _cause(ids: Iterable[str]) -> str:
    return " ".join(sorted(set(ids)))
