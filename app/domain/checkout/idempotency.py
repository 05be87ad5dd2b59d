"""Idempotency keys: which keys are valid, and which requests count as the same."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Final

from app.domain.checkout.cart import CheckoutRequest, CreatedBy
from app.domain.errors import Fault, InvalidCartError

KEY_LIFE_MS: Final = 24 * 60 * 60 * 1000

_KEY = re.compile(r"[ -~]{1,255}")
# Constant keys, with which every buyer of a cart would get the first buyer's payment page: the
# text of our example, how scripts print a missing value, and an unrendered template.
_PLACEHOLDER = re.compile(
    r".*\ba random UUID\b.*|undefined|null|NaN|\[object \w+\]"
    r"|.*(?:\{\{.*\}\}|\$\{.*\}|<%.*%>|\{%.*%\}).*",
    re.DOTALL,
)
_SERVERS: Final = "server\n"  # no key contains a line break, so no browser's digest is a server's


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A client's key. Only its digest is kept, because clients may put anything into a key."""

    digest: str


def read_idempotency_key(text: str, created_by: CreatedBy = CreatedBy.BROWSER) -> IdempotencyKey:
    """Read a key from a header or a form.

    Keys of the shop's server and of browsers are apart: a stranger who guesses the server's next
    key, such as an order number, can neither use it up nor get the server's checkout.

    Raises:
        InvalidCartError: it is empty, longer than 255 characters, not printable ASCII, or a
            placeholder that is the same for every buyer.
    """
    if _PLACEHOLDER.fullmatch(text):
        raise _refused(
            "is a placeholder, the same for every buyer; fill in a random UUID, a new one for each "
            "buyer and cart (1 to 255 printable ASCII characters)"
        )
    if not _KEY.fullmatch(text):
        raise _refused("must be 1 to 255 printable ASCII characters")
    prefix = _SERVERS if created_by is CreatedBy.SERVER else ""
    return IdempotencyKey(hashlib.sha256(f"{prefix}{text}".encode()).hexdigest())


def fingerprint(request: CheckoutRequest) -> str:
    """Return a digest of the request that does not depend on the order of the prices."""
    normal = {
        "line_items": sorted((item.price, item.quantity) for item in request.cart.line_items),
        "mode": request.cart.mode,
        "success_url": request.success_url,
        "cancel_url": request.cancel_url,
        "client_reference_id": request.client_reference_id,
        **request.passed,
    }
    return hashlib.sha256(json.dumps(normal, sort_keys=True).encode()).hexdigest()


def _refused(detail: str) -> InvalidCartError:
    fault = Fault("/idempotency_key", detail)
    return InvalidCartError(f"The cart is not valid: the Idempotency-Key {detail}.", faults=[fault])
