"""Performs an act: updates the session and sends the events that Stripe would send."""

import time
from dataclasses import dataclass

from sandbox.ids import new_id
from sandbox.stripe.acts import Act, perform
from sandbox.stripe.deliveries import Deliveries
from sandbox.stripe.delivery import Delivery
from sandbox.stripe.events import COMPLETED, build_event
from sandbox.stripe.sessions import Order, Session, Sessions
from sandbox.stripe.trouble import Trouble

SESSION_ID_CHARACTERS = 58  # The length of real test sessions' ids after `cs_test_`.
FRAGMENT_CHARACTERS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Performed:
    """A session after an act, and its events' deliveries."""

    session: Session
    deliveries: list[Delivery]

    async def wait_answered(self, seconds: float) -> None:
        """Wait as Checkout does: for checkout.session.completed only, for a few seconds."""
        for delivery in self.deliveries:
            if delivery.event.type == COMPLETED:
                await delivery.wait_answered(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payments:
    """Creates sessions and performs acts on them."""

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
        """Update the session and send its events; does not wait for them.

        There is no await between reading the stage and writing it, so two concurrent clicks
        cannot both pay.

        Raises:
            ActRefusedError: The session's state does not allow it.
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
