"""Builds complete, signed requests before the clock starts. Every id is unique."""

import hashlib
import hmac
import itertools
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

SECRET: Final = "whsec_sandbox_bench_0123456789"  # noqa: S105 made up, and good for the sandbox alone

_HERE: Final = Path(__file__).parent
_PLACE: Final = b"%serial%"
SERIALS: Final = itertools.count(1)


def webhooks(count: int) -> list[bytes]:
    """Signed `checkout.session.completed` events of about 4 KB, as Stripe sends them."""
    return signed(_bodies("event.json", count))


def signed(bodies: Iterable[bytes]) -> list[bytes]:
    """Return requests with these events."""
    head = {
        "Accept": "*/*; q=0.5, application/xml",
        "Cache-Control": "no-cache",
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    }
    signed_at = str(int(time.time()))
    return [
        _post(
            "/webhooks/stripe",
            {**head, "Stripe-Signature": f"t={signed_at},v1={_signature(signed_at, body)}"},
            body,
        )
        for body in bodies
    ]


def carts(count: int) -> list[bytes]:
    """Return carts of three line items, as a shop's program posts them."""
    return _posts("/checkout", "cart.json", count)


def orders(count: int) -> list[bytes]:
    """Return the service's call to Altan Pay for such a cart, for calling the upstream directly."""
    path = "/v2/connect/checkout/bench/create_checkout_session?stripe_connect_id=acct_bench"
    return _posts(path, "order.json", count)


def _posts(path: str, name: str, count: int) -> list[bytes]:
    head = {"Content-Type": "application/json", "User-Agent": "bench"}
    return [_post(path, head, body) for body in _bodies(name, count)]


def template(name: str) -> bytes:
    """A body with placeholders for a serial number."""
    return (_HERE / name).read_bytes().strip()


def filled(body: bytes, serials: Iterable[int]) -> Iterator[bytes]:
    """Yield the body with each of these numbers filled in."""
    parts = body.split(_PLACE)
    for serial in serials:
        yield (b"%016d" % serial).join(parts)


def _bodies(name: str, count: int) -> Iterator[bytes]:
    return filled(template(name), itertools.islice(SERIALS, count))


def _signature(signed_at: str, body: bytes) -> str:
    return hmac.digest(SECRET.encode(), signed_at.encode() + b"." + body, hashlib.sha256).hex()


def _post(path: str, head: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in head.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
