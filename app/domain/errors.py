"""All errors that a client can get, as one class tree.

Every error has a stable `code`, a `title` and a publishable message. The web layer maps each class
to an HTTP status in one table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from app.domain.printable import printable

DETAIL_LENGTH_MAX: Final = 300
_NAME_ECHO_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault in a document: an RFC 6901 pointer to it, and how to fix it."""

    pointer: str
    detail: str


def member_pointer(at: str, name: object) -> str:
    """Return the pointer to a member of the object at `at`; a long name is cut."""
    echo = str(name)[:_NAME_ECHO_MAX].replace("~", "~0").replace("/", "~1")
    return f"{at}/{echo}"


def _with_pointer(fault: Fault) -> str:
    return f"{fault.pointer or 'the body'} {fault.detail}"


def first_of(
    title: str,
    faults: Sequence[Fault],
    in_words: Callable[[Fault], str] = _with_pointer,
    *,
    unlisted: int = 0,
) -> str:
    """Return a detail with the first fault, because many pages show people nothing else.

    `unlisted` faults are not in `faults`, and only counted.
    """
    first, others = faults[0], len(faults) - 1 + unlisted
    sentence = printable(f"{title}: {in_words(first)}.")
    if len(sentence) > DETAIL_LENGTH_MAX:
        sentence = f"{sentence[: DETAIL_LENGTH_MAX - 1]}…"
    return f"{sentence} {others} more: see errors." if others else sentence


class CheckoutError(Exception):
    """The base of all errors that clients get. `detail` is safe to publish."""

    code: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, detail: str, *, faults: Sequence[Fault] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = tuple(faults)


class RequestWrongError(CheckoutError):
    """The request is wrong; retrying it unchanged does not help."""


class ConflictError(CheckoutError):
    """The request conflicts with an earlier one."""


class ServiceFailedError(CheckoutError):
    """Something other than the request failed; retrying it may work later.

    `reason` is only for the log: what happened, without ids, URLs or bodies.
    """

    def __init__(self, detail: str, *, reason: str | None = None) -> None:
        super().__init__(detail)
        self.reason = reason


class InvalidJsonError(RequestWrongError):
    """The body is not JSON, or not UTF-8."""

    code = "invalid_json"
    title = "The body is not valid JSON"


class InvalidCartError(RequestWrongError):
    """The cart is not valid; `faults` says what is wrong and where."""

    code = "invalid_cart"
    title = "The cart is not valid"


class PriceNotForSaleError(RequestWrongError):
    """The catalog does not allow this price, mode or quantity; `faults` has the details."""

    code = "price_not_for_sale"
    title = "The cart contains something that is not for sale"


class RedirectNotAllowedError(RequestWrongError):
    """The success or cancel URL is not on an allowed origin."""

    code = "redirect_not_allowed"
    title = "The return URL is not allowed"


class SignatureMissingError(RequestWrongError):
    """A webhook came without a Stripe-Signature header."""

    code = "signature_missing"
    title = "The Stripe-Signature header is missing"


class SignatureInvalidError(RequestWrongError):
    """A webhook's signature is forged, stale, from the future, or malformed."""

    code = "signature_invalid"
    title = "The Stripe-Signature header does not match this body"


class InvalidEventError(RequestWrongError):
    """A webhook's body is signed, but is not a Stripe event."""

    code = "invalid_event"
    title = "The body is not a Stripe event"


class NotFoundError(RequestWrongError):
    """There is nothing at this URL."""

    code = "not_found"
    title = "Not found"


class CursorExpiredError(RequestWrongError):
    """The feed no longer keeps what came after this cursor."""

    code = "cursor_expired"
    title = "The cursor has expired"


class RateLimitedError(RequestWrongError):
    """Too many checkouts in too short a time."""

    code = "rate_limited"
    title = "Too many checkouts"

    def __init__(self, detail: str, *, limit: int, remaining: int, retry_after_s: int) -> None:
        super().__init__(detail)
        self.limit = limit
        self.remaining = remaining
        self.retry_after_s = retry_after_s


class IdempotencyKeyReusedError(ConflictError):
    """The key was used for another cart."""

    code = "idempotency_key_reused"
    title = "The idempotency key belongs to another cart"


class CheckoutInProgressError(ConflictError):
    """The first request with this key is still running."""

    code = "checkout_in_progress"
    title = "A request with this idempotency key is still running"


class CartRefusedError(RequestWrongError):
    """Altan Pay refused the cart: 400, 402, 409 or 422."""

    code = "cart_refused"
    title = "The payment provider refused this cart"


class AltanPayMisconfiguredError(ServiceFailedError):
    """Altan Pay does not know our ids or URL: 401, 403, 404, 405 or a redirect."""

    code = "altan_pay_misconfigured"
    title = "The shop's payment settings are wrong"


class AltanPayMalformedError(ServiceFailedError):
    """Altan Pay's response is not the URL of an allowed payment page."""

    code = "altan_pay_malformed"
    title = "The payment provider sent an invalid response"


class AltanPayUnavailableError(ServiceFailedError):
    """Altan Pay cannot be reached or answered 429 or 5xx, or calls to it are paused."""

    code = "altan_pay_unavailable"
    title = "The payment provider is unavailable"

    def __init__(
        self, detail: str, *, reason: str | None = None, retry_after_s: int | None = None
    ) -> None:
        super().__init__(detail, reason=reason)
        self.retry_after_s = retry_after_s


class AltanPayTimeoutError(ServiceFailedError):
    """Altan Pay did not answer within the deadline for all tries."""

    code = "altan_pay_timeout"
    title = "The payment provider took too long"


class StorageUnavailableError(ServiceFailedError):
    """The database cannot commit, so nothing can be acknowledged."""

    code = "storage_unavailable"
    title = "The database is unavailable"


class CommitInDoubtError(StorageUnavailableError):
    """The connection was lost or timed out during a commit: check whether it succeeded."""


class RowsRefusedError(StorageUnavailableError):
    """The database works, but rejects these rows; other rows may be fine."""


class ActTooLargeError(StorageUnavailableError):
    """The database works, but this transaction is too large; a smaller one may fit."""


def is_storage_down(error: Exception) -> bool:
    """Return whether nothing can be written at all, rather than only this data."""
    return isinstance(error, StorageUnavailableError) and not isinstance(
        error, RowsRefusedError | ActTooLargeError
    )
