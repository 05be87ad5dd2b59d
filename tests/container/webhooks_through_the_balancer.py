"""Sends signed webhooks through the balancer of `scale`, and asks every replica what it knows.

    POSTGRES_PASSWORD=… docker compose --profile scale up --detach --wait --scale checkout=0
    python3 tests/container/webhooks_through_the_balancer.py

Needs Python only, and the sandbox's published secret (deploy/sandbox.env). Exits with 1 and one
sentence where something is not as it should be. BALANCER_ADDRESS names another address.
"""

import hashlib
import hmac
import http.client
import json
import os
import sys
import time
from typing import Any
from urllib.parse import urlsplit

BALANCER = urlsplit(os.environ.get("BALANCER_ADDRESS", "http://127.0.0.1:8080"))
SECRET = b"whsec_sandbox_0123456789abcdef"  # printed in this repository
READY_DEADLINE_S = 60.0
PAYMENTS = 20


def ask(method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
    """Over a connection of its own, so that each request may go to another replica."""
    connection = http.client.HTTPConnection(BALANCER.hostname or "", BALANCER.port, timeout=15)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")
    finally:
        connection.close()


def deliver(type_: str, event_id: str, subject: dict[str, Any]) -> None:
    """One event, signed as Stripe signs it."""
    event = {
        "id": event_id,
        "object": "event",
        "type": type_,
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": subject},
    }
    body, at_s = json.dumps(event).encode(), int(time.time())
    mac = hmac.new(SECRET, b"%d." % at_s + body, hashlib.sha256).hexdigest()
    status, answer = ask(
        "POST", "/webhooks/stripe", body, **{"Stripe-Signature": f"t={at_s},v1={mac}"}
    )
    if status != http.client.OK:
        sys.exit(f"webhook {event_id} was answered {status}: {answer}")


def is_of_the_service(status: int, answer: Any) -> bool:  # noqa: ANN401 - what a server sends
    """Whether a replica looked into its database: the balancer's own 404 has no body."""
    is_problem = isinstance(answer, dict) and answer.get("code") == "not_found"
    return status == http.client.NOT_FOUND and is_problem


def wait_until_ready() -> None:
    """Until the balancer has found a replica that reads its database."""
    give_up_at = time.monotonic() + READY_DEADLINE_S
    while True:
        try:
            if is_of_the_service(*ask("GET", "/checkout/cs_test_nobody")):
                return
        except (OSError, ValueError):
            pass
        if time.monotonic() > give_up_at:
            sys.exit(f"nothing was ready at {BALANCER.geturl()} within {READY_DEADLINE_S:.0f} s")
        time.sleep(0.2)


def main() -> None:
    """Refunds before their sessions, each through whichever replica; then every status, twice."""
    wait_until_ready()
    run = f"{time.time_ns():x}"
    for n in range(PAYMENTS):
        ids = {"payment_intent": f"pi_{run}_{n}", "id": f"re_{run}_{n}"}
        refund = {"object": "refund", "amount": 100, "status": "succeeded", **ids}
        deliver("refund.created", f"evt_{run}_{n}_refund", refund)
        session = {
            "id": f"cs_test_{run}_{n}",
            "object": "checkout.session",
            "mode": "payment",
            "payment_status": "paid",
            "amount_total": 1000,
            "currency": "eur",
            "payment_intent": ids["payment_intent"],
        }
        deliver("checkout.session.completed", f"evt_{run}_{n}_session", session)
    for _ in range(2):
        for n in range(PAYMENTS):
            status, payment = ask("GET", f"/checkout/cs_test_{run}_{n}")
            seen = (status, payment.get("status"), payment.get("amount_refunded"))
            if seen != (200, "partially_refunded", 100):
                sys.exit(f"cs_test_{run}_{n} is {seen}")
    print(f"{2 * PAYMENTS} webhooks through the balancer: {PAYMENTS} payments partially refunded")  # noqa: T201


if __name__ == "__main__":
    main()
