"""Does one whole checkout against the running service and sandbox, and says what it saw.

    docker compose --profile demo up --detach --wait
    python3 tests/container/checkout_through_containers.py

Needs Python only, so that it runs on the machine that runs the containers. Exits with 1 and one
sentence where something is not as the contract says. CHECKOUT_ADDRESS and SANDBOX_ADDRESS name
other addresses than the published ones, READY_DEADLINE_S another patience than 60 s.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Any, NoReturn
from urllib.parse import urlencode, urlsplit

CHECKOUT = os.environ.get("CHECKOUT_ADDRESS", "http://127.0.0.1:8000")
SANDBOX = os.environ.get("SANDBOX_ADDRESS", "http://127.0.0.1:9000")
REQUEST_TIMEOUT_S = 15.0
READY_DEADLINE_S = float(os.environ.get("READY_DEADLINE_S", "60"))
PAID_DEADLINE_S = 20.0
PAUSE_S = 0.1

CART = [("price", "price_sandbox_mug"), ("quantity", "2"), ("mode", "payment")]
CART_AMOUNT_MINOR, CART_CURRENCY = 2900, "usd"  # two mugs, by the sandbox's price list
LIKE_A_BROWSER = {
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Content-Type": "application/x-www-form-urlencoded",
    "Sec-Fetch-Mode": "navigate",
}


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: object, **_kwargs: object) -> None:
        """Leave the redirect to the caller, who wants to look at it."""


# Neither a redirect nor a proxy of the machine's comes between this script and the containers.
OPENER = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, whatever its status."""

    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - what a server sends is checked where it is read
        """The body, parsed."""
        return json.loads(self.body)


def main() -> None:
    """Cart, payment page, payment, webhook, status."""
    wait_ready()
    say("ready")
    started, page_url = start_checkout()
    say(f"checkout {started['checkout_id']} leads to {page_url}")
    check_page(page_url)
    check_is("the status before the payment", read_status(started)["status"], "open")
    pay(started["session_id"])
    paid = wait_paid(started)
    check_is("the amount", paid["amount_total"], CART_AMOUNT_MINOR)
    check_is("the currency", paid["currency"], CART_CURRENCY)
    check_is("the session's id", paid["session_id"], started["session_id"])
    if not paid["paid_at"]:
        fail("paid, but paid_at is missing")
    say(f"paid at {paid['paid_at']}: {paid['amount_total']} {paid['currency']}")
    check_every_delivery_was_taken(started["session_id"])
    say("one whole checkout: passed")


def wait_ready() -> None:
    """Both answer: the service is ready, and the sandbox is there."""
    last = "no answer yet"
    for _ in until(READY_DEADLINE_S):
        try:
            ready = ask("GET", f"{CHECKOUT}/health/ready")
            ask("GET", f"{SANDBOX}/sandbox/sessions")
        except OSError as error:
            last = repr(error)
            continue
        if ready.status == 200:
            return
        last = describe(ready)
    fail(f"not ready after {READY_DEADLINE_S:.0f} s: {last}")


def start_checkout() -> tuple[dict[str, Any], str]:
    """Post the cart as a plain HTML form does; return the answer's body and where it leads."""
    answer = ask("POST", f"{CHECKOUT}/checkout", body=urlencode(CART).encode(), **LIKE_A_BROWSER)
    if answer.status != 303:
        fail(f"POST /checkout: expected 303, got {describe(answer)}")
    location = answer.headers["Location"] or ""
    expected_host = f"localhost:{urlsplit(SANDBOX).port}"
    check_is(f"the host of Location ({location})", urlsplit(location).netloc, expected_host)
    started = answer.json
    check_is("the url in the body", started["url"], location)
    if started["session_id"] not in urlsplit(location).path.split("/"):
        fail(f"session_id {started['session_id']} is not the one in {location}")
    return started, location


def check_page(page_url: str) -> None:
    """The page that the browser lands on is there, and it is a page."""
    page = ask("GET", f"{SANDBOX}{urlsplit(page_url).path}")
    if page.status != 200 or page.headers.get_content_type() != "text/html":
        fail(f"the payment page: expected 200 and HTML, got {describe(page)}")


def pay(session_id: str) -> None:
    """Press the sandbox's pay button."""
    url = f"{SANDBOX}/sandbox/sessions/{session_id}/pay"
    answer = ask("POST", url, body=b"{}", **{"Content-Type": "application/json"})
    if answer.status != 200:
        fail(f"paying: expected 200, got {describe(answer)}")


def wait_paid(started: dict[str, Any]) -> dict[str, Any]:
    """The service tells the payment that the webhook told it."""
    status = read_status(started)
    for _ in until(PAID_DEADLINE_S):
        if status["status"] == "paid":
            break
        status = read_status(started)
    check_is(f"the status up to {PAID_DEADLINE_S:.0f} s after", status["status"], "paid")
    return status


def read_status(started: dict[str, Any]) -> dict[str, Any]:
    """`GET /checkout/{id}`."""
    answer = ask("GET", f"{CHECKOUT}/checkout/{started['checkout_id']}")
    if answer.status != 200:
        fail(f"GET /checkout/{started['checkout_id']}: expected 200, got {describe(answer)}")
    status: dict[str, Any] = answer.json
    return status


def check_every_delivery_was_taken(session_id: str) -> None:
    """The webhook answered 2xx at the first try, so that nothing is on its way again."""
    deliveries = ask("GET", f"{SANDBOX}/sandbox/deliveries").json["deliveries"]
    if not deliveries:
        fail(f"{session_id} is paid, but the sandbox has sent no event")
    refused = [delivery for delivery in deliveries if delivery["status_code"] != 200]
    if refused:
        fail(f"the webhook did not take {refused}")
    say(f"{len(deliveries)} webhook deliveries, each answered 200")


def ask(method: str, url: str, *, body: bytes | None = None, **headers: str) -> Answer:
    """One request; an error status is an answer too.

    Raises:
        OSError: Nobody answered.
    """
    request = urllib.request.Request(url, data=body, headers=headers, method=method)  # noqa: S310 - our own addresses
    try:
        with OPENER.open(request, timeout=REQUEST_TIMEOUT_S) as response:
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


def until(deadline_s: float) -> Iterator[None]:
    """Yield again and again, with a pause between, until the time is up."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        yield
        time.sleep(PAUSE_S)


def check_is(what: str, got: object, expected: object) -> None:
    """End the run where the two differ."""
    if got != expected:
        fail(f"{what}: expected {expected!r}, got {got!r}")


def describe(answer: Answer) -> str:
    """Status and the beginning of the body, for a message."""
    return f"{answer.status} {answer.body[:300]!r}"


def say(line: str) -> None:
    """Tell the progress."""
    print(line, flush=True)  # noqa: T201 - this is a command


def fail(reason: str) -> NoReturn:
    """End the run."""
    sys.exit(f"FAILED: {reason}")


if __name__ == "__main__":
    main()
