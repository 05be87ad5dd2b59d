"""Refunds by the shop, and disputes through the buyer's bank."""

import time
from dataclasses import replace

from sandbox.ids import new_id
from sandbox.stripe.objects import JsonObject, charge_object
from sandbox.stripe.outcomes import Outcome
from sandbox.stripe.return_objects import dispute_object, refund_object
from sandbox.stripe.returns import Dispute, DisputeStatus, Refund
from sandbox.stripe.sessions import Session


class AmountRefusedError(ValueError):
    """The amount cannot be refunded."""


def refund(session: Session, amount_minor: int | None = None) -> Outcome:
    """Refund a part, or the rest.

    Raises:
        AmountRefusedError: It is zero, or more than is left.
    """
    left_minor = session.refundable_minor
    if amount_minor is None:
        amount_minor = left_minor
    if not 1 <= amount_minor <= left_minor:
        raise AmountRefusedError(
            f"amount must be 1 to {left_minor}, in the currency's smallest unit."
        )
    made = Refund(id=new_id("re_"), amount_minor=amount_minor, created=int(time.time()))
    refunded = replace(session, refunds=(*session.refunds, made))
    settled = refund_object(refunded, made, settled=True)
    return Outcome(
        session=refunded,
        news=[
            ("refund.created", refund_object(refunded, made, settled=False)),
            ("charge.refunded", charge_object(refunded)),
            # Stripe sends the same change under its old and its new name.
            ("charge.refund.updated", settled),
            ("refund.updated", settled),
        ],
    )


def open_dispute(session: Session) -> Outcome:
    """The buyer disputes what was not refunded, and the bank withdraws it immediately."""
    dispute = Dispute(
        id=new_id("dp_"), amount_minor=session.refundable_minor, created=int(time.time())
    )
    disputed = replace(session, dispute=dispute)
    told = dispute_object(disputed, dispute)
    news = [("charge.dispute.created", told), ("charge.dispute.funds_withdrawn", told)]
    return Outcome(session=disputed, news=news)


def win_dispute(session: Session) -> Outcome:
    """The shop wins, and the money is returned."""
    closed, told = _closed(session, DisputeStatus.WON)
    news = [("charge.dispute.funds_reinstated", told), ("charge.dispute.closed", told)]
    return Outcome(session=closed, news=news)


def lose_dispute(session: Session) -> Outcome:
    """The buyer wins; this is final."""
    closed, told = _closed(session, DisputeStatus.LOST)
    return Outcome(session=closed, news=[("charge.dispute.closed", told)])


def _closed(session: Session, status: DisputeStatus) -> tuple[Session, JsonObject]:
    assert session.dispute is not None  # noqa: S101 - both acts need an open one
    dispute = replace(session.dispute, status=status)
    return replace(session, dispute=dispute), dispute_object(session, dispute)
