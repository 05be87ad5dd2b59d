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
        alarm(AlertName.EVENT_FOLD_FAILED, f"{woken.event_id}: {woken.reason}")
    for session_id in outcome.mismatched:
        words = f"{session_id} differs from the catalog: {PRICE_HINT}"
        alarm(AlertName.PRICE_MISMATCH, words)
    for session_id in outcome.foreign:
        words = f"{session_id} names a checkout that it was not created for, which stays unchanged"
        alarm(AlertName.CHECKOUT_CLAIM_REFUSED, words)
    for session_id in outcome.contradicted:
        alarm(AlertName.PAYMENT_CONTRADICTED, f"{session_id}: see events list --payment")
