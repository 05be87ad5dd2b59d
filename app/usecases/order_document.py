"""An order as a document, for the API, notifications and the command line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.domain.fold.records import Payment
from app.domain.moments import rfc3339, rfc3339_of
from app.domain.payments.dashboard import dashboard_url
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.flags import Flags, dispute_cause, new_flags
from app.domain.payments.line_items import differences
from app.domain.payments.session_details import SessionDetails
from app.domain.payments.status import PaymentStatus
from app.usecases.order_flags import by_flag, flags_of
from app.usecases.order_person import personal_fields
from app.usecases.orders import OrderParts, OrderPosition
from app.usecases.read_payment import strongest
from app.usecases.records import Checkout

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order: its document, its position in the list, and its flags.

    `unseen` are the flags and causes that no operator has seen, `unreported` those that were not
    reported. `deadlines_s` are the deadlines for answering disputes, in epoch seconds, by the
    flag's cause; `items_text` in what the cart and what was bought differ. `session_ids` are all of
    its sessions, in order.
    """

    position: OrderPosition
    document: Document
    flags: Flags
    unseen: Flags
    unreported: Flags
    deadlines_s: Mapping[str, int]
    items_text: str
    session_ids: tuple[str, ...]

    @property
    def id(self) -> str:
        """The checkout's id, or the session's if there is no checkout."""
        return self.position.order_id

    @property
    def session_id(self) -> str:
        """The session that the order shows. There is one as soon as an event was about it."""
        return str(self.document["session_id"])

    @property
    def version(self) -> int:
        """The version, which increases with each change of the document and never decreases."""
        return int(self.document["version"])


def dashboard_url_of(document: Document) -> str | None:
    """Return the address of an order's page in Stripe's dashboard; None without a session."""
    subscription = document["subscription"]
    return dashboard_url(
        payment_intent=document["payment_intent"],
        subscription_id=subscription["id"] if subscription else None,
        session_id=document["session_id"],
        is_test=document["livemode"] is False,
    )


def order_of(parts: OrderParts) -> Order:
    """Build the order from its parts. There is a checkout or a payment."""
    checkout, payment = parts.checkout, strongest(parts.payments)
    facts = payment.facts if payment else PaymentFacts()
    details = facts.details or SessionDetails()
    flags = flags_of(parts, facts.status)
    session_id = payment.session_id if payment else checkout.session_id if checkout else None
    document: Document = {
        "id": parts.position.order_id,
        "checkout_id": checkout.id if checkout else None,
        "session_id": session_id,
        "client_reference_id": parts.client_reference_id,
        "created_by": checkout.created_by if checkout else None,
        "mode": facts.mode or (checkout.cart.mode if checkout else None),
        "livemode": _livemode(details, session_id),
        "status": facts.status,
        **_sums(facts, details),
        **_line_items(checkout, details),
        **personal_fields([each for each in parts.events if each.session_id == session_id]),
        "payment_intent": facts.intent_ids[0] if facts.intent_ids else None,
        "subscription": _subscription(facts),
        **_refunds_and_disputes(facts),
        "flags": list(flags),
        "created_at": rfc3339(parts.position.created_at_ms),
        "paid_at": rfc3339_of(facts.first_paid_at_s),
        "updated_at": rfc3339(_updated_at_ms(parts)),
        "version": _version(parts),
    }
    seen = by_flag(each.cause for each in parts.known if each.is_seen)
    reported = by_flag(each.cause for each in parts.known if each.is_reported)
    return Order(
        position=parts.position,
        document=document,
        flags=flags,
        unseen=new_flags(seen, flags),
        unreported=new_flags(reported, flags),
        deadlines_s=_deadlines_s(parts.payments),
        items_text=differences(checkout.cart.line_items, details.bought) if checkout else "",
        session_ids=_session_ids(parts),
    )


def _session_ids(parts: OrderParts) -> tuple[str, ...]:
    """Return the sessions of the payments, and the checkout's own before it has any event."""
    ids = {each.session_id for each in parts.payments}
    if parts.checkout and parts.checkout.session_id:
        ids.add(parts.checkout.session_id)
    return tuple(sorted(ids))


def _updated_at_ms(parts: OrderParts) -> int:
    started_at_ms = parts.checkout.created_at_ms if parts.checkout else 0
    return max([started_at_ms, *(each.updated_at_ms for each in parts.payments)])


def status_of(payments: Sequence[Payment]) -> PaymentStatus:
    """Return the order's status, from all of its payments."""
    payment = strongest(payments)
    return payment.facts.status if payment else PaymentStatus.OPEN


def _livemode(details: SessionDetails, session_id: str | None) -> bool | None:
    """Return live mode from the events or, before they arrive, from the session id's prefix."""
    if details.livemode is None and session_id:
        return {"live": True, "test": False}.get(session_id.split("_")[1])
    return details.livemode


def _sums(facts: PaymentFacts, details: SessionDetails) -> Document:
    shown = details.presentment_minor, details.presentment_currency
    return {
        "currency": facts.currency,
        "amount_subtotal": facts.amount_subtotal_minor,
        "amount_discount": details.amount_discount_minor,
        "amount_tax": details.amount_tax_minor,
        "amount_shipping": details.amount_shipping_minor,
        "amount_total": facts.amount_total_minor,
        "amount_refunded": facts.amount_refunded_minor,
        "presentment": (None if None in shown else {"amount": shown[0], "currency": shown[1]}),
    }


def _line_items(checkout: Checkout | None, details: SessionDetails) -> Document:
    items = details.bought or (checkout.cart.line_items if checkout else ())
    return {
        "line_items": [{"price": item.price, "quantity": item.quantity} for item in items],
        "line_items_source": "stripe" if details.bought else "cart" if checkout else None,
    }


def _subscription(facts: PaymentFacts) -> Document | None:
    if facts.subscription_id is None:
        return None
    state = facts.subscription
    return {
        "id": facts.subscription_id,
        "status": state.status if state else None,
        "current_period_end": rfc3339_of(state.current_period_end_s if state else None),
        "cancel_at": rfc3339_of(state.cancel_at_s if state else None),
        "cancel_at_period_end": state.cancel_at_period_end if state else None,
        "renewals_paid": facts.renewals_paid,
    }


def _refunds_and_disputes(facts: PaymentFacts) -> Document:
    return {
        "refunds": [
            {"id": id_, "amount": refund.amount_minor, "status": refund.status}
            for id_, refund in sorted(facts.refunds.items())
        ],
        "disputes": [
            {
                "id": id_,
                "amount": dispute.amount_minor,
                "status": dispute.status,
                "reason": dispute.reason,
                "evidence_due_by": rfc3339_of(dispute.evidence_due_by_s),
            }
            for id_, dispute in sorted(facts.disputes.items())
        ],
    }


def _deadlines_s(payments: Sequence[Payment]) -> dict[str, int]:
    disputes = [dispute for each in payments for dispute in each.facts.disputes.items()]
    return {
        dispute_cause(id_, dispute): dispute.evidence_due_by_s
        for id_, dispute in disputes
        if dispute.is_to_be_answered and dispute.evidence_due_by_s is not None
    }


def _version(parts: OrderParts) -> int:
    """Return a sum of numbers that only increase: payments' versions, and changes of events.

    A session's own event counts for more after its body is deleted. A payment counts on after its
    later events show that it is not the checkout's.
    """
    events = {each.id: each for each in [*parts.events, *parts.events_of_others]}.values()
    return (
        int(parts.checkout is not None)
        + sum(each.version for each in [*parts.payments, *parts.others])
        + sum(_EVENT_WEIGHT + each.state_changes for each in events)
        + sum(each.is_own and each.is_pruned for each in events)
        + (parts.twins.version if parts.twins else 0)
    )


# The most that an event counted for when versions were derived from states; it must not decrease.
_EVENT_WEIGHT: Final = 2
