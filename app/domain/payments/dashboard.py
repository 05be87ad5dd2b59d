"""An order's page in Stripe's dashboard."""

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
    """Return the page of the subscription or payment, or else a search for the session.

    None for a checkout without a session.
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
