"""What Altan Pay can do wrong, and what each fault leads to."""

import gzip
import json
from dataclasses import dataclass
from typing import Final

from tests.support.faults.upstream import (
    Connection,
    Script,
    answer,
    hangs,
    refusal,
    repeats,
    resets,
    says,
    says_and_leaves,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What the contract says of a family of faults: the answer, the calls, and who is told."""

    status: int
    code: str
    calls: int
    alert: str | None = None
    result: str = ""
    """What the call is counted as; empty: as the code."""

    @property
    def logged_calls(self) -> int:
        """A refused cart is the buyer's affair, and no line of its own."""
        return 0 if self == CART_REFUSED else self.calls


UNAVAILABLE = Kind(status=503, code="altan_pay_unavailable", calls=3)
MALFORMED = Kind(status=502, code="altan_pay_malformed", calls=2, alert="altan_pay_malformed")
MISCONFIGURED = Kind(
    status=502, code="altan_pay_misconfigured", calls=1, alert="altan_pay_misconfigured"
)
CART_REFUSED = Kind(status=422, code="cart_refused", calls=1)
TIMED_OUT = Kind(status=504, code="altan_pay_timeout", calls=1, result="cut_off")


def leads_to(url: object) -> Script:
    return says(answer(json.dumps({"url": url}).encode()))


OK = b"HTTP/1.1 200 OK\r\n"
HALF = OK + b'Content-Length: 400\r\n\r\n{"url":"https://che'
PAGE = "https://checkout.stripe.com/c/pay/cs_test_1"
REDIRECT = answer(b"", "Location: http://127.0.0.1:9/elsewhere", status="302 Found")


async def resets_midway(connection: Connection) -> None:
    await connection.send(HALF)
    connection.reset()


FAULTS: Final[dict[str, tuple[Script, Kind]]] = {
    # The connection
    "reset after the request": (resets, UNAVAILABLE),
    "closed after the request": (says_and_leaves(b""), UNAVAILABLE),
    "reset in the middle of the answer": (resets_midway, UNAVAILABLE),
    "half an answer": (says_and_leaves(HALF), UNAVAILABLE),
    "half a head": (says_and_leaves(OK + b"Content-Le"), UNAVAILABLE),
    "half a chunk": (
        says_and_leaves(OK + b'Transfer-Encoding: chunked\r\n\r\n50\r\n{"url"'),
        UNAVAILABLE,
    ),
    # Garbage
    "a mail server": (says_and_leaves(b"220 mail.example ESMTP ready\r\n\r\n"), MALFORMED),
    "TLS where none was": (says_and_leaves(b"\x15\x03\x01\x00\x02\x02\x50\r\n\r\n"), MALFORMED),
    "a status that is no number": (says_and_leaves(b"HTTP/1.1 abc OK\r\n\r\n"), MALFORMED),
    "a length that is no number": (says(OK + b"Content-Length: many\r\n\r\n{}"), MALFORMED),
    "a header of 200 KB": (says(OK + b"X: " + b"a" * 200_000 + b"\r\n\r\n"), MALFORMED),
    "headers without end": (repeats(OK, b"X: a\r\n" * 1000), MALFORMED),
    # Too much
    "500 MB": (repeats(OK + b"Content-Length: 524288000\r\n\r\n", b"x" * 65536), MALFORMED),
    "500 MB in chunks": (
        repeats(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n"),
        MALFORMED,
    ),
    "interim answers without end": (
        repeats(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 50, pause_s=0.01),
        MALFORMED,
    ),
    "compressed": (
        says(answer(gzip.compress(b"{}" + b" " * 100_000), "Content-Encoding: gzip")),
        MALFORMED,
    ),
    # A redirect, and refusals
    "302 elsewhere": (says(REDIRECT), MISCONFIGURED),
    **{str(status): (says(refusal(status)), CART_REFUSED) for status in (400, 402, 409, 422)},
    **{str(status): (says(refusal(status)), MISCONFIGURED) for status in (401, 403, 404, 405, 410)},
    **{
        str(status): (says(refusal(status)), UNAVAILABLE)
        for status in (408, 425, 429, 500, 502, 503, 504, 520)
    },
    "202": (says(refusal(202)), MALFORMED),
    # 200, and not the documented body
    "HTML": (says(answer(b"<!doctype html><p>upstream-said-this")), MALFORMED),
    "no body": (says(answer(b"")), MALFORMED),
    "half of the JSON": (says(answer(b'{"url":"https://checkout.stri')), MALFORMED),
    "not UTF-8": (says(answer(b'{"url":"https://checkout.stripe.com/\xe9"}')), MALFORMED),
    "null": (says(answer(b"null")), MALFORMED),
    "a list": (says(answer(json.dumps([{"url": PAGE}]).encode())), MALFORMED),
    "a text": (says(answer(json.dumps(PAGE).encode())), MALFORMED),
    "no url": (says(answer(b"{}")), MALFORMED),
    "the url too deep": (says(answer(json.dumps({"payload": {"url": PAGE}}).encode())), MALFORMED),
    "url null": (leads_to(None), MALFORMED),
    "url a number": (leads_to(7), MALFORMED),
    "url an object": (leads_to({"href": PAGE}), MALFORMED),
    "deeply nested": (says(answer(b"[" * 100_000)), MALFORMED),
    # 200, and a URL that leads astray
    "another host": (leads_to("https://evil.example/c/pay/cs_test_1"), MALFORMED),
    "userinfo": (leads_to("https://checkout.stripe.com@evil.example/"), MALFORMED),
    "userinfo before the host": (leads_to("https://a:b@checkout.stripe.com/"), MALFORMED),
    "CRLF": (leads_to(PAGE + "\r\nSet-Cookie: a=b"), MALFORMED),
    "another scheme": (leads_to("javascript:alert(1)//checkout.stripe.com/"), MALFORMED),
    "no TLS": (leads_to("http://checkout.stripe.com/c/pay/cs_test_1"), MALFORMED),
    "no host": (leads_to("/c/pay/cs_test_1"), MALFORMED),
}

SLOW: Final[dict[str, Script]] = {
    "a hang": hangs,
    "one byte a second": repeats(OK + b"Content-Length: 400\r\n\r\n", b" ", pause_s=1.0),
    "a byte a second of the head": repeats(OK + b"X: ", b"a", pause_s=1.0),
}
