"""Sessions to act on, and the acts' events."""

from typing import Any

import orjson

from sandbox.altan_pay.orders import parse_order
from sandbox.stripe.acts import Act, perform
from sandbox.stripe.outcomes import Outcome
from sandbox.stripe.sessions import Session
from tests.support.sandbox.local_servers import order_body


def a_session(price: str = "price_sandbox_mug", mode: str = "payment") -> Session:
    order = parse_order(orjson.dumps(order_body((price, 2), mode=mode)))
    return Session(id="cs_test_1", fragment="fid1", order=order, created=1_700_000_000)


def a_subscription_session() -> Session:
    return a_session("price_sandbox_club", "subscription")


def after(*acts: Act, session: Session | None = None) -> Session:
    """Return the session after these acts, in order."""
    session = session or a_session()
    for act in acts:
        session = perform(act, session).session
    return session


def types(outcome: Outcome) -> list[str]:
    return [event_type for event_type, _ in outcome.news]


def told(outcome: Outcome, event_type: str) -> Any:  # noqa: ANN401 - a JSON object, indexed below
    """Return the object of the outcome's event of this type."""
    return dict(outcome.news)[event_type]
