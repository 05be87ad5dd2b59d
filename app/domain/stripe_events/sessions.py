"""Reads `checkout.session.*`, the only events that prove a payment (Stripe: fulfillment)."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.domain.checkout.cart import LineItem, Mode
from app.domain.checkout.claims import read_claim
from app.domain.ids import SESSION_ID
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.session_details import SessionDetails
from app.domain.stripe_events.event import StripeEvent
from app.domain.stripe_events.evidence import (
    CannotFoldError,
    Evidence,
    Subject,
    amount_minor,
    currency_of,
    doubtful,
    id_of,
    inner,
    known_value,
    listed,
    object_in,
    time_s,
)

CLIENT_REFERENCE_LENGTH_MAX: Final = 200
_MODES: Final[Mapping[str, Mode]] = {mode.value: mode for mode in Mode}


def session_completed(event: StripeEvent) -> Evidence:
    """Read a completed session: paid, or `unpaid` while it waits for the bank."""
    match event.subject.get("payment_status"):
        case "paid" | "no_payment_required":
            return session_succeeded(event)
        case "unpaid":
            return _evidence(event, awaits_bank=True)
        case _:
            return _evidence(event, doubtful("payment_status"))


def session_succeeded(event: StripeEvent) -> Evidence:
    """Read a paid session, after a delayed or an immediate payment."""
    return _evidence(event, paid=True, paid_at_s=event.created_s)


def session_failed(event: StripeEvent) -> Evidence:
    """Read a session whose delayed payment failed."""
    return _evidence(event, awaits_bank=True, bank_failed=True)


def session_expired(event: StripeEvent) -> Evidence:
    """Read a session that expired unpaid, by default after 24 hours."""
    return _evidence(event, expired=True)


def session_line_items(event: StripeEvent) -> Evidence:
    """Read what was bought: made of a session's line items, which no event of Stripe's contains."""
    session, doubts = event.subject, list[str]()
    items = listed(session, "line_items", doubts)
    bought = bought_in(items)
    details = SessionDetails(
        bought=bought,
        recurring_minor=_recurring_minor(items),
        items_differ=session.get("differs_from_cart") is True,
        items_missing=not bought,
    )
    session_id = _own_session_id(session)
    return Evidence(session_id, (), PaymentFacts(details=details), tuple(doubts), event.created_s)


def bought_in(items: Iterable[Subject]) -> tuple[LineItem, ...]:
    """Return the prices and quantities of line items (Stripe: api/checkout/sessions/line_items)."""
    found = [(id_of(item.get("price")), item.get("quantity")) for item in items]
    return tuple(
        LineItem(price, quantity)
        for price, quantity in found
        if price is not None and isinstance(quantity, int)
    )


def _recurring_minor(items: Iterable[Subject]) -> int | None:
    """Return the sum of the recurring items at their full price; None if it is not known whole.

    `amount_subtotal` of an item is 0 in a trial (Stripe: the Price object has `type`, and
    `unit_amount`, which is null where the price depends on the quantity).
    """
    sum_minor = 0
    for item in items:
        unit_minor, quantity = inner(item, "price", "unit_amount"), item.get("quantity")
        match inner(item, "price", "type"):
            case "one_time":
                continue
            case "recurring" if isinstance(unit_minor, int) and isinstance(quantity, int):
                sum_minor += unit_minor * quantity
            case _:
                return None
    return amount_minor(sum_minor)


def _evidence(event: StripeEvent, *doubts: str, **proven: Any) -> Evidence:  # noqa: ANN401 fields of PaymentFacts
    session = event.subject
    session_id = _own_session_id(session)
    facts = _facts(event, proven)
    subscription_ids = (facts.subscription_id,) if facts.subscription_id else ()
    linked_ids = dict.fromkeys((*facts.intent_ids, *subscription_ids, *facts.invoice_ids))
    return Evidence(session_id, tuple(linked_ids), facts, doubts, event.created_s)


def _own_session_id(session: Subject) -> str:
    session_id = session.get("id")
    if not isinstance(session_id, str) or not SESSION_ID.fullmatch(session_id):
        raise CannotFoldError("data.object.id is not a Checkout Session's id")
    return session_id


def _facts(event: StripeEvent, proven: Mapping[str, Any]) -> PaymentFacts:
    """Return the proven facts and the session's fields, except those with unexpected values."""
    session = event.subject
    claim = read_claim(session.get("success_url"))
    intent_id, invoice_id = id_of(session.get("payment_intent")), id_of(session.get("invoice"))
    return PaymentFacts(
        mode=known_value(_MODES, session.get("mode")),
        amount_total_minor=amount_minor(session.get("amount_total")),
        amount_subtotal_minor=amount_minor(session.get("amount_subtotal")),
        currency=currency_of(session.get("currency")),
        details=_details(event),
        checkout_id=claim.checkout_id,
        checkout_key_digest=claim.key_digest,
        recovered_from=_session_id(session.get("recovered_from")),
        recoverable=inner(session, "after_expiration", "recovery", "enabled") is True,
        subscription_id=id_of(session.get("subscription")),
        intent_ids=(intent_id,) if intent_id else (),
        invoice_ids=(invoice_id,) if invoice_id else (),
        **proven,
    )


def _details(event: StripeEvent) -> SessionDetails:
    """Stripe, the Checkout Session object: `total_details` holds discount, tax and shipping.

    `presentment_details` is there where Stripe converted the currency.
    """
    session = event.subject
    shown, sums = object_in(session, "presentment_details"), object_in(session, "total_details")
    return SessionDetails(
        amount_discount_minor=amount_minor(sums.get("amount_discount")),
        amount_tax_minor=amount_minor(sums.get("amount_tax")),
        amount_shipping_minor=amount_minor(sums.get("amount_shipping")),
        presentment_minor=amount_minor(shown.get("presentment_amount")),
        presentment_currency=currency_of(shown.get("presentment_currency")),
        livemode=_livemode(event),
        created_s=_created_s(event),
        client_reference_id=_reference(session.get("client_reference_id")),
    )


def _livemode(event: StripeEvent) -> bool | None:
    value = event.subject.get("livemode")
    return value if isinstance(value, bool) else event.livemode


def _created_s(event: StripeEvent) -> int | None:
    created_s = time_s(event.subject.get("created"))
    return event.created_s if created_s is None else created_s


def _reference(value: object) -> str | None:
    """Stripe takes any text of up to 200 characters (checkout/sessions/create)."""
    if not value or not isinstance(value, str) or len(value) > CLIENT_REFERENCE_LENGTH_MAX:
        return None
    return value if value.isprintable() else None


def _session_id(value: object) -> str | None:
    """Return the expired session's id in `recovered_from` (Stripe: checkout/abandoned-carts)."""
    found = id_of(value)
    return found if found and SESSION_ID.fullmatch(found) else None
