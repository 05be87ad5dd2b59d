"""Carries out an act: moves the session on and sends the events that Stripe would send."""

import time
from dataclasses import dataclass

from sandbox.ids import new_id
from sandbox.stripe.acts import Act, perform
from sandbox.stripe.deliveries import Deliveries
from sandbox.stripe.delivery import Delivery
from sandbox.stripe.events import COMPLETED, build_event
from sandbox.stripe.sessions import Order, Session, Sessions
from sandbox.stripe.trouble import Trouble

SESSION_ID_CHARACTERS = 58  # What real test sessions have after `cs_test_`.
FRAGMENT_CHARACTERS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Performed:
    """A session after an act, and the events that are on their way."""

    session: Session
    deliveries: list[Delivery]

    async def wait_answered(self, seconds: float) -> None:
        """Wait as Checkout does: for checkout.session.completed only, and not for long."""
        for delivery in self.deliveries:
            if delivery.event.type == COMPLETED:
                await delivery.wait_answered(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payments:
    """Starts sessions and plays what happens to them."""

    sessions: Sessions
    deliveries: Deliveries

    def start(self, order: Order) -> Session:
        """Open a session for the order."""
        session = Session(
            id=new_id("cs_test_", SESSION_ID_CHARACTERS),
            fragment=new_id("fid", FRAGMENT_CHARACTERS),
            order=order,
            created=int(time.time()),
        )
        self.sessions.put(session)
        return session

    def perform(
        self, act: Act, session: Session, trouble: Trouble, amount_minor: int | None = None
    ) -> Performed:
        """Move the session on and send its events; does not wait for them.

        There is no await between reading the stage and writing it, so two clicks at once
        cannot both pay.

        Raises:
            ActRefusedError: The session is past it, or not yet there.
            AmountRefusedError: `amount_minor` cannot be refunded.
        """
        outcome = perform(act, session, amount_minor)
        self.sessions.put(outcome.session)
        now = int(time.time())
        events = [
            build_event(event_type, payload, session_id=session.id, created=now)
            for event_type, payload in outcome.news
        ]
        return Performed(
            session=outcome.session, deliveries=self.deliveries.schedule(events, trouble)
        )
