"""Reads `checkout.session.*`, the only events that prove a payment (Stripe: fulfillment)."""

import re
from typing import Final
from urllib.parse import parse_qs, urlsplit

from app.domain.cart import Mode
from app.domain.events import StripeEvent
from app.domain.identity import CHECKOUT_ID, SESSION_ID
from app.domain.news import (
    CannotFoldError,
    PaymentNews,
    Subject,
    amount_minor,
    doubtful,
    id_of,
    ids_of,
)
from app.domain.payment import PaymentFacts

_CURRENCY: Final = re.compile(r"[a-z]{3}")


def session_completed(event: StripeEvent) -> PaymentNews:
    """Fulfil whenever payment_status is not `unpaid`; `unpaid` waits for the bank."""
    match event.subject.get("payment_status"):
        case "paid" | "no_payment_required":
            return _news(event, _paid(event))
        case "unpaid":
            return _news(event, PaymentFacts(awaits_bank=True))
        case _:
            return _news(event, PaymentFacts(), doubtful("payment_status"))


def session_succeeded(event: StripeEvent) -> PaymentNews:
    """The bank has paid."""
    return _news(event, _paid(event))


def session_failed(event: StripeEvent) -> PaymentNews:
    """The bank has refused."""
    return _news(event, PaymentFacts(awaits_bank=True, bank_failed=True))


def session_expired(event: StripeEvent) -> PaymentNews:
    """The buyer let 24 hours pass."""
    return _news(event, PaymentFacts(expired=True))


def _paid(event: StripeEvent) -> PaymentFacts:
    return PaymentFacts(paid=True, paid_at_s=event.created_s)


def _news(event: StripeEvent, what_happened: PaymentFacts, *doubts: str) -> PaymentNews:
    session = event.subject
    session_id = session.get("id")
    if not isinstance(session_id, str) or not SESSION_ID.fullmatch(session_id):
        raise CannotFoldError("data.object.id is not a Checkout Session's id")
    linked_ids = ids_of(
        session.get("payment_intent"), session.get("subscription"), session.get("invoice")
    )
    return PaymentNews(session_id, linked_ids, what_happened.join(_described(session)), doubts)


def _described(session: Subject) -> PaymentFacts:
    """The session's own fields; one of an unforeseen kind is left out, never guessed."""
    mode, currency = session.get("mode"), session.get("currency")
    return PaymentFacts(
        mode=Mode(mode) if isinstance(mode, str) and mode in set(Mode) else None,
        amount_total_minor=amount_minor(session.get("amount_total")),
        amount_subtotal_minor=amount_minor(session.get("amount_subtotal")),
        currency=currency if isinstance(currency, str) and _CURRENCY.fullmatch(currency) else None,
        checkout_id=_checkout_id(session.get("success_url")),
        subscription_id=id_of(session.get("subscription")),
        invoice_ids=ids_of(session.get("invoice")),
    )


def _checkout_id(success_url: object) -> str | None:
    """Our own id, as `/checkout` put it into the success URL: the join where no other is known."""
    if not isinstance(success_url, str):
        return None
    try:
        values = parse_qs(urlsplit(success_url).query).get("checkout_id", [])
    except ValueError:
        return None
    return next((value for value in reversed(values) if CHECKOUT_ID.fullmatch(value)), None)
