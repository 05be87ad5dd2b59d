"""Lists the payments, each with a link to its page for refunds, disputes and renewals."""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from starlette.requests import Request
from starlette.responses import Response

from sandbox.money import format_money
from sandbox.pages import Pages
from sandbox.stripe.payments import Payments
from sandbox.stripe.returns import DisputeStatus
from sandbox.stripe.sessions import Session, Stage

LISTED_MAX = 100  # Keeps the page fast; older payments can still be opened by their own URLs.

GOOD, WAITING, BAD = "good", "waiting", "bad"
STANDINGS = {
    Stage.OPEN: ("Not paid yet", WAITING),
    Stage.AWAITING_BANK: ("Waiting for the bank", WAITING),
    Stage.BANK_FAILED: ("The bank refused", BAD),
    Stage.EXPIRED: ("Expired", BAD),
    Stage.PAID: ("Paid", GOOD),
}
DISPUTES = {
    DisputeStatus.NEEDS_RESPONSE: ("Disputed", BAD),
    DisputeStatus.LOST: ("Dispute lost", BAD),
}


@dataclass(frozen=True, slots=True)
class Listed:
    """A row: a payment, its status as text, and the text's color."""

    session: Session
    text: str
    tone: str

    @property
    def opened_at(self) -> datetime:
        """When its payment page was created."""
        return datetime.fromtimestamp(self.session.created, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentsPage:
    """`/sandbox/payments`."""

    payments: Payments
    pages: Pages

    async def show(self, _request: Request) -> Response:
        """Show the latest payments, the newest first."""
        sessions = self.payments.sessions
        listed = [Listed(each, *standing_of(each)) for each in islice(sessions, LISTED_MAX)]
        return self.pages.render(
            "payments.html", payments=listed, forgotten=len(sessions) - len(listed)
        )


def standing_of(session: Session) -> tuple[str, str]:
    """Return a payment's status as text, and whether that is good, bad or waiting."""
    if session.dispute is not None and session.dispute.status in DISPUTES:
        return DISPUTES[session.dispute.status]
    if session.canceled_at is not None:
        return "Canceled", WAITING
    if session.refunded_minor == session.order.amount_minor:
        return "Refunded", WAITING
    if session.refunds:
        amount = format_money(session.refunded_minor, session.order.currency)
        return f"Paid, {amount} refunded", GOOD
    return STANDINGS[session.stage]
