"""What happens to a subscription after its first payment."""

import time
from dataclasses import replace

from sandbox.ids import new_id
from sandbox.stripe.outcomes import Outcome
from sandbox.stripe.sessions import Renewal, Session
from sandbox.stripe.subscription_objects import renewal_invoice_object, subscription_object


def renew(session: Session) -> Outcome:
    """The next period begins and is paid."""
    renewal = Renewal(invoice_id=new_id("in_"), payment_intent_id=new_id("pi_"))
    renewed = replace(session, renewals=(*session.renewals, renewal))
    return Outcome(
        session=renewed,
        news=[
            ("customer.subscription.updated", subscription_object(renewed, "active")),
            ("invoice.paid", renewal_invoice_object(renewed, renewal)),
        ],
    )


def cancel(session: Session) -> Outcome:
    """The subscription ends at once."""
    canceled = replace(session, canceled_at=int(time.time()))
    ended = subscription_object(canceled, "canceled")
    return Outcome(session=canceled, news=[("customer.subscription.deleted", ended)])
