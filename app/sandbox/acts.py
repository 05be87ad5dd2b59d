"""What a buyer, a bank or the clock does to a session, and which events Stripe makes of it."""

from dataclasses import dataclass, replace
from enum import StrEnum

from app.sandbox.events import COMPLETED
from app.sandbox.ids import new_id
from app.sandbox.objects import (
    JsonObject,
    charge_object,
    failed_payment_intent_object,
    invoice_object,
    payment_intent_object,
    session_object,
    subscription_object,
)
from app.sandbox.prices import Mode
from app.sandbox.sessions import Session, Stage

News = list[tuple[str, JsonObject]]
"""Event types and the objects they are about, in the order in which they happen."""


class Act(StrEnum):
    """What can happen to a session; the values are the last part of a URL."""

    PAY = "pay"
    PAY_LATER = "pay_later"
    DECLINE = "decline"
    EXPIRE = "expire"
    BANK_SUCCEEDS = "bank_succeeds"
    BANK_FAILS = "bank_fails"

    def is_possible(self, session: Session) -> bool:
        """True where the session is at the stage at which this can happen."""
        return session.stage is STAGE_NEEDED[self]


STAGE_NEEDED = {
    Act.PAY: Stage.OPEN,
    Act.PAY_LATER: Stage.OPEN,
    Act.DECLINE: Stage.OPEN,
    Act.EXPIRE: Stage.OPEN,
    Act.BANK_SUCCEEDS: Stage.AWAITING_BANK,
    Act.BANK_FAILS: Stage.AWAITING_BANK,
}


class ActRefusedError(Exception):
    """The session is past the stage at which this can happen."""

    def __init__(self, act: Act, session: Session) -> None:
        super().__init__(
            f"{act} needs a session that is {STAGE_NEEDED[act]}; it is {session.stage}."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The session after an act, and the news of it."""

    session: Session
    news: News


def perform(act: Act, session: Session) -> Outcome:
    """Return what `act` makes of `session`.

    Raises:
        ActRefusedError: The session is at another stage.
    """
    if not act.is_possible(session):
        raise ActRefusedError(act, session)
    match act:
        case Act.PAY:
            return _pay(session)
        case Act.PAY_LATER:
            return _pay_later(session)
        case Act.DECLINE:
            return _decline(session)
        case Act.EXPIRE:
            expired = replace(session, stage=Stage.EXPIRED)
            news: News = [("checkout.session.expired", session_object(expired))]
            return Outcome(session=expired, news=news)
        case Act.BANK_SUCCEEDS:
            return _bank_succeeds(session)
        case Act.BANK_FAILS:
            return _bank_fails(session)


def _pay(session: Session) -> Outcome:
    paid = _confirmed(session, Stage.PAID)
    completed = (COMPLETED, session_object(paid))
    if paid.subscription_id is not None:
        created = ("customer.subscription.created", subscription_object(paid, "active"))
        return Outcome(session=paid, news=[created, *_payment_news(paid), completed])
    news = [*_intent_created(session, paid), *_payment_news(paid), completed]
    return Outcome(session=paid, news=news)


def _pay_later(session: Session) -> Outcome:
    waiting = _confirmed(session, Stage.AWAITING_BANK)
    completed = (COMPLETED, session_object(waiting))
    if waiting.subscription_id is not None:
        subscription = subscription_object(waiting, "incomplete")
        news: News = [("customer.subscription.created", subscription), completed]
        return Outcome(session=waiting, news=news)
    processing = payment_intent_object(waiting, "processing")
    news = [*_intent_created(session, waiting), ("payment_intent.processing", processing)]
    return Outcome(session=waiting, news=[*news, completed])


def _decline(session: Session) -> Outcome:
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


def _bank_succeeds(session: Session) -> Outcome:
    paid = replace(session, stage=Stage.PAID)
    news = _payment_news(paid)
    if paid.subscription_id is not None:
        news.append(("customer.subscription.updated", subscription_object(paid, "active")))
    news.append(("checkout.session.async_payment_succeeded", session_object(paid)))
    return Outcome(session=paid, news=news)


def _bank_fails(session: Session) -> Outcome:
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
