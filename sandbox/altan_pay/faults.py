"""Prices whose ids make Altan Pay fail: put one in a cart to see how the service reacts.

A price cannot cause a refused connection, a name that does not resolve, a wrong certificate, or
a reset before the request is read, because the price is in the request's body.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response

from sandbox.altan_pay.fault_answers import (
    Answer,
    compressed,
    drips,
    floods,
    hangs,
    leads_to,
    refuses,
    says,
)
from sandbox.altan_pay.fault_connections import (
    hints_for_ever,
    resets,
    resets_midway,
    stops_midway,
    talks_nonsense,
)
from sandbox.config import Waits
from sandbox.stripe.sessions import Order

FAILED_ONCE_MAX = 1000  # then the oldest is forgotten, and may fail again


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What Altan Pay does, and what the service promises the buyer in that case.

    `code` is None if the buyer still gets to the payment page. With `fails_once`, only a cart's
    first call fails.
    """

    happens: str
    status: int
    code: str | None
    answer: Answer
    fails_once: bool = False


def _unavailable(happens: str, answer: Answer) -> Fault:
    return Fault(happens=happens, status=503, code="altan_pay_unavailable", answer=answer)


def _too_slow(happens: str, answer: Answer) -> Fault:
    return Fault(happens=happens, status=504, code="altan_pay_timeout", answer=answer)


def _malformed(happens: str, answer: Answer) -> Fault:
    return Fault(happens=happens, status=502, code="altan_pay_malformed", answer=answer)


def _misconfigured(happens: str, answer: Answer) -> Fault:
    return Fault(happens=happens, status=502, code="altan_pay_misconfigured", answer=answer)


def _cart_refused(happens: str, answer: Answer) -> Fault:
    return Fault(happens=happens, status=422, code="cart_refused", answer=answer)


_PAGE = b"<!doctype html><title>Maintenance</title><p>We are back soon."

FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        # The connection breaks
        "price_fault_reset": _unavailable("resets the connection instead of answering", resets),
        "price_fault_reset_midway": _unavailable(
            "resets the connection in the middle of its answer", resets_midway
        ),
        "price_fault_half": _unavailable("ends the connection after half an answer", stops_midway),
        "price_fault_garbage": _malformed(
            "talks like a mail server instead of HTTP", talks_nonsense
        ),
        # It is too slow, or sends too much
        "price_fault_hang": _too_slow("never answers", hangs),
        "price_fault_drip": _too_slow("answers one byte a second", drips),
        "price_fault_hints": _malformed("sends endless interim responses (103)", hints_for_ever),
        "price_fault_huge": _malformed("answers with 500 MB", floods),
        # It refuses
        "price_fault_400": _cart_refused("answers 400", refuses(400)),
        "price_fault_402": _cart_refused("answers 402", refuses(402)),
        "price_fault_409": _cart_refused("answers 409", refuses(409)),
        "price_fault_422": _cart_refused("answers 422", refuses(422)),
        "price_fault_401": _misconfigured("answers 401", refuses(401)),
        "price_fault_403": _misconfigured("answers 403", refuses(403)),
        "price_fault_404": _misconfigured("answers 404", refuses(404)),
        "price_fault_405": _misconfigured("answers 405", refuses(405)),
        "price_fault_redirect": _misconfigured(
            "redirects elsewhere (302)", refuses(302, Location="https://elsewhere.example/")
        ),
        "price_fault_408": _unavailable("answers 408", refuses(408)),
        "price_fault_429": _unavailable(
            "answers 429 with Retry-After: 1", refuses(429, Retry_After="1")
        ),
        "price_fault_500": _unavailable("answers 500", refuses(500)),
        "price_fault_500_once": Fault(
            happens="answers 500 to a cart's first call; the next one works",
            status=303,
            code=None,
            answer=refuses(500),
            fails_once=True,
        ),
        "price_fault_503": _unavailable(
            "answers 503 with Retry-After: 120", refuses(503, Retry_After="120")
        ),
        # It answers 200 with an invalid body
        "price_fault_malformed": _malformed(
            "answers 200 with an HTML page", says(_PAGE, media_type="text/html")
        ),
        "price_fault_compressed": _malformed("answers gzipped, although not asked to", compressed),
        "price_fault_json_empty": _malformed("answers with an empty body", says(b"")),
        "price_fault_json_cut": _malformed(
            "answers with half of the JSON, as if it were complete", says(b'{"url":"https://che')
        ),
        "price_fault_json_latin1": _malformed(
            "answers in Latin-1", says(b'{"url":"https://checkout.stripe.com/\xe9"}')
        ),
        "price_fault_json_null": _malformed("answers null", says(b"null")),
        "price_fault_json_list": _malformed("answers with a list", says(b'[{"url":"x"}]')),
        "price_fault_json_text": _malformed("answers with a bare string", says(b'"https://x"')),
        "price_fault_json_no_url": _malformed("answers with an object without url", says(b"{}")),
        "price_fault_json_nested": _malformed(
            "answers with the url one level too deep", says(b'{"payload":{"url":"https://x"}}')
        ),
        "price_fault_json_url_null": _malformed("answers with null for url", leads_to(None)),
        "price_fault_json_url_number": _malformed("answers with a number for url", leads_to(7)),
        "price_fault_json_url_object": _malformed(
            "answers with an object for url", leads_to({"href": "https://x"})
        ),
        # It answers 200 with a URL that is not safe for the buyer
        "price_fault_url_host": _malformed(
            "sends the buyer to another host", leads_to("https://evil.example/c/pay/cs_test_1")
        ),
        "price_fault_url_userinfo": _malformed(
            "puts Stripe's host into the user name of another host's URL",
            leads_to("https://checkout.stripe.com@evil.example/c/pay/cs_test_1"),
        ),
        "price_fault_url_crlf": _malformed(
            "injects a header through the URL",
            leads_to("https://checkout.stripe.com/c/pay/x\r\nSet-Cookie: stolen=1"),
        ),
        "price_fault_url_scheme": _malformed(
            "sends the buyer to a script", leads_to("javascript:alert(1)//checkout.stripe.com/")
        ),
        "price_fault_url_http": _malformed(
            "sends the buyer to Stripe without TLS",
            leads_to("http://checkout.stripe.com/c/pay/cs_test_1"),
        ),
    }
)


class Faults:
    """Makes a call fail if its cart contains one of the fault prices."""

    def __init__(self, waits: Waits) -> None:
        self._waits = waits
        self._failed_once: dict[Order, None] = {}

    async def answer(self, order: Order, request: Request) -> Response | None:
        """Return the response for the first fault price in the cart; None if there is none."""
        wanted = (FAULTS[line.price.id] for line in order.lines if line.price.id in FAULTS)
        fault = next(wanted, None)
        if fault is None or (fault.fails_once and self._has_failed(order)):
            return None
        return await fault.answer(request, self._waits)

    def _has_failed(self, order: Order) -> bool:
        """Return whether this is an even-numbered call of the same cart and return URLs."""
        if order in self._failed_once:
            del self._failed_once[order]
            return True
        self._failed_once[order] = None
        if len(self._failed_once) > FAILED_ONCE_MAX:
            del self._failed_once[next(iter(self._failed_once))]
        return False
