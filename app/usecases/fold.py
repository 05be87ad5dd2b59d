"""Runs the domain's folds: answers their queries, and reports their results."""

from app.domain.fold.asking import Inquiry
from app.domain.fold.outcome import Outcome
from app.usecases.flag_texts import PRICE_HINT
from app.usecases.ports import Alarm, AlertName
from app.usecases.storage import Transaction


async def inform(inquiry: Inquiry, transaction: Transaction) -> None:
    """Answer all queries. Everything is locked before it is read."""
    while wanted := inquiry.wanted():
        if await transaction.lock(wanted.ids, wait=wanted.may_wait):
            inquiry.learn(await transaction.look_around(wanted))
        else:
            inquiry.give_way()


def report(outcome: Outcome, alarm: Alarm) -> None:
    """Send alerts about these payments; call this after the commit."""
    for woken in outcome.broken:
        alarm(AlertName.EVENT_FOLD_FAILED, failure_text(woken.event_id, woken.reason))
    for session_id in outcome.mismatched:
        message = f"{session_id} differs from the catalog: {PRICE_HINT}"
        alarm(AlertName.PRICE_MISMATCH, message)
    for session_id in outcome.foreign:
        message = (
            f"{session_id} names a checkout that it was not created for, which stays unchanged"
        )
        alarm(AlertName.CHECKOUT_CLAIM_REFUSED, message)
    for session_id in outcome.contradicted:
        message = (
            f"{session_id}: its events contradict each other; compare it with Stripe's dashboard "
            f"before you ship or refund; altan-checkout events list --payment {session_id}"
        )
        alarm(AlertName.PAYMENT_CONTRADICTED, message)


def failure_text(event_id: str, reason: str | None) -> str:
    """Return an alert's text about an event that was not processed, or only partly."""
    return f"{event_id}: {reason}; altan-checkout events show {event_id} shows it"
