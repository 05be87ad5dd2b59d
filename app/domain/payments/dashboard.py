"""Where Stripe's dashboard shows an order."""

from typing import Final
from urllib.parse import quote

_DASHBOARD: Final = "https://dashboard.stripe.com"


def dashboard_url(
    *,
    payment_intent: str | None,
    subscription_id: str | None,
    session_id: str | None,
    is_test: bool,
) -> str | None:
    """The page of the subscription or payment; before there is one, a search for the session.

    None for a checkout without a session so far.
    """
    if subscription_id:
        path = f"subscriptions/{quote(subscription_id, safe='')}"
    elif payment_intent:
        path = f"payments/{quote(payment_intent, safe='')}"
    elif session_id:
        path = f"search?query={quote(session_id, safe='')}"
    else:
        return None
    return f"{_DASHBOARD}/{'test/' if is_test else ''}{path}"
