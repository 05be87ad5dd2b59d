"""What the buyer, the bank or a timeout does to an unpaid session."""

from dataclasses import replace

from sandbox.ids import new_id
from sandbox.shop.prices import Mode
from sandbox.stripe.events import COMPLETED
from sandbox.stripe.objects import (
    charge_object,
    failed_payment_intent_object,
    payment_intent_object,
    session_object,
)
from sandbox.stripe.outcomes import News, Outcome
from sandbox.stripe.sessions import Session, Stage
from sandbox.stripe.subscription_objects import invoice_object, subscription_object


def pay(session: Session) -> Outcome:
    """The card is charged at once."""
    paid = _confirmed(session, Stage.PAID)
    completed = (COMPLETED, session_object(paid))
    if paid.subscription_id is not None:
        created = ("customer.subscription.created", subscription_object(paid, "active"))
        return Outcome(session=paid, news=[created, *_payment_news(paid), completed])
    news = [*_intent_created(session, paid), *_payment_news(paid), completed]
    return Outcome(session=paid, news=news)


def pay_later(session: Session) -> Outcome:
    """The buyer confirms; their bank decides later."""
    waiting = _confirmed(session, Stage.AWAITING_BANK)
    completed = (COMPLETED, session_object(waiting))
    if waiting.subscription_id is not None:
        subscription = subscription_object(waiting, "incomplete")
        news: News = [("customer.subscription.created", subscription), completed]
        return Outcome(session=waiting, news=news)
    processing = payment_intent_object(waiting, "processing")
    news = [*_intent_created(session, waiting), ("payment_intent.processing", processing)]
    return Outcome(session=waiting, news=[*news, completed])


def decline(session: Session) -> Outcome:
    """The card is refused; the session stays open for another try."""
    declined = replace(
        session,
        declines=session.declines + 1,
        payment_intent_id=session.payment_intent_id or new_id("pi_"),
    )
    failed = failed_payment_intent_object(
        declined, code="card_declined", message="Your card was declined."
    )
    news = [*_intent_created(session, declined), ("payment_intent.payment_failed", failed)]
    return Outcome(session=declined, news=news)


def expire(session: Session) -> Outcome:
    """The session expires without a payment."""
    expired = replace(session, stage=Stage.EXPIRED)
    news: News = [("checkout.session.expired", session_object(expired))]
    return Outcome(session=expired, news=news)


def bank_succeeds(session: Session) -> Outcome:
    """The bank sends the money."""
    paid = replace(session, stage=Stage.PAID)
    news = _payment_news(paid)
    if paid.subscription_id is not None:
        news.append(("customer.subscription.updated", subscription_object(paid, "active")))
    news.append(("checkout.session.async_payment_succeeded", session_object(paid)))
    return Outcome(session=paid, news=news)


def bank_fails(session: Session) -> Outcome:
    """The bank refuses; the session can no longer be paid."""
    failed = replace(session, stage=Stage.BANK_FAILED)
    if failed.subscription_id is not None:
        first = ("invoice.payment_failed", invoice_object(failed, "open"))
    else:
        intent = failed_payment_intent_object(
            failed, code="payment_method_provider_decline", message="The bank refused the debit."
        )
        first = ("payment_intent.payment_failed", intent)
    last = ("checkout.session.async_payment_failed", session_object(failed))
    return Outcome(session=failed, news=[first, last])


def _confirmed(session: Session, stage: Stage) -> Session:
    """Return the session with the ids that Stripe assigns when the buyer confirms."""
    confirmed = replace(
        session,
        stage=stage,
        payment_intent_id=session.payment_intent_id or new_id("pi_"),
        charge_id=new_id("ch_"),
    )
    if session.order.mode is Mode.PAYMENT:
        return confirmed
    return replace(
        confirmed,
        customer_id=new_id("cus_", 14),
        subscription_id=new_id("sub_"),
        invoice_id=new_id("in_"),
    )


def _intent_created(before: Session, after: Session) -> News:
    if before.payment_intent_id is not None:
        return []
    intent = payment_intent_object(after, "requires_payment_method")
    return [("payment_intent.created", intent)]


def _payment_news(session: Session) -> News:
    if session.subscription_id is not None:
        return [("invoice.paid", invoice_object(session, "paid"))]
    return [
        ("payment_intent.succeeded", payment_intent_object(session, "succeeded")),
        ("charge.succeeded", charge_object(session)),
    ]
