"""Simulates the part of Stripe's API that alternatives call for a session's event.

It answers immediately, on the load generator's core; a real call would cost far more. Run
`python -m bench.peers.stripe_api`.
"""

import argparse
import json
from typing import Final

from bench import requests
from bench.upstream import Upstream

_SERIAL_DIGITS: Final = 16
_SESSION: Final = json.dumps(json.loads(requests.template("event.json"))["data"]["object"]).encode()
_ACCOUNT: Final = {
    "business_profile": {"name": "bench"},
    "charges_enabled": True,
    "country": "PT",
    "created": 1700000000,
    "default_currency": "eur",
    "details_submitted": True,
    "email": "shop@example.com",
    "id": "acct_bench",
    "metadata": {},
    "object": "account",
    "payouts_enabled": True,
    "settings": {"branding": {"icon": None, "logo": None}, "dashboard": {"display_name": "bench"}},
    "type": "standard",
}
_INTENT: Final = {
    "amount": 5390,
    "amount_capturable": 0,
    "amount_received": 5390,
    "capture_method": "automatic",
    "confirmation_method": "automatic",
    "created": 1795335900,
    "currency": "eur",
    "customer": None,
    "latest_charge": None,
    "livemode": False,
    "metadata": {},
    "object": "payment_intent",
    "payment_method": None,
    "payment_method_types": ["card"],
    "status": "succeeded",
}
_ITEM: Final = {
    "amount_discount": 0,
    "amount_subtotal": 4800,
    "amount_tax": 0,
    "amount_total": 5390,
    "currency": "eur",
    "description": "T-shirt",
    "object": "item",
    "price": None,
    "quantity": 1,
}


def answer(request: bytes) -> bytes:
    """Return the object that a request's path names."""
    path = request.split(b" ", 2)[1].partition(b"?")[0].decode()
    match path.strip("/").split("/"):
        case ["v1", "checkout", "sessions", session_id, "line_items"]:
            items = [_ITEM | {"id": f"li_{session_id[-_SERIAL_DIGITS:]}"}]
            page = {"data": items, "has_more": False, "object": "list", "url": path}
        case ["v1", "checkout", "sessions", session_id]:
            serial = session_id[-_SERIAL_DIGITS:]
            return _SESSION.replace(b"%serial%", serial.encode())
        case ["v1", "payment_intents", intent_id]:
            page = _INTENT | {"id": intent_id}
        case _:
            page = _ACCOUNT
    return json.dumps(page).encode()


def main() -> None:
    """Serve on the port that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    Upstream(parser.parse_args().port, delay_s=0, page=answer).serve()


if __name__ == "__main__":
    main()
