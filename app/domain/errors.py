"""Everything that can go wrong for a caller, as one tree.

Every error has a stable `code`, a `title` and words that may be published. What HTTP status an
error becomes is the web layer's business, and stands in one table there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a document: an RFC 6901 pointer to it, and what to do about it."""

    pointer: str
    detail: str


class CheckoutError(Exception):
    """The base of all errors that callers are told about. `detail` is publishable as it is."""

    code: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, detail: str, *, faults: Sequence[Fault] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = tuple(faults)


class RequestWrongError(CheckoutError):
    """The caller's request cannot be served as it is; sending it again changes nothing."""


class ConflictError(CheckoutError):
    """The request contradicts what this service knows already."""


class ServiceFailedError(CheckoutError):
    """Somebody other than the caller failed; the same request may work later.

    `reason` is for the operator's log alone: what happened, without ids, URLs or bodies.
    """

    def __init__(self, detail: str, *, reason: str | None = None) -> None:
        super().__init__(detail)
        self.reason = reason


class InvalidJsonError(RequestWrongError):
    """The body is not JSON, or not UTF-8."""

    code = "invalid_json"
    title = "The body is not valid JSON"


class InvalidCartError(RequestWrongError):
    """The cart breaks a rule; `faults` says which and where."""

    code = "invalid_cart"
    title = "The cart is not valid"


class PriceNotForSaleError(RequestWrongError):
    """The catalogue does not sell this, or not so, or not so many; `faults` says which."""

    code = "price_not_for_sale"
    title = "That is not for sale"


class RedirectNotAllowedError(RequestWrongError):
    """The success or cancel URL leads somewhere the shop's owner did not allow."""

    code = "redirect_not_allowed"
    title = "That return address is not allowed"


class SignatureMissingError(RequestWrongError):
    """A webhook came without a Stripe-Signature header."""

    code = "signature_missing"
    title = "The Stripe-Signature header is missing"


class SignatureInvalidError(RequestWrongError):
    """A webhook's signature is forged, stale, from the future, or malformed."""

    code = "signature_invalid"
    title = "The Stripe-Signature header does not prove this body"


class InvalidEventError(RequestWrongError):
    """A webhook's body is signed, but is not a Stripe event."""

    code = "invalid_event"
    title = "The body is not a Stripe event"


class NotFoundError(RequestWrongError):
    """There is nothing at this address."""

    code = "not_found"
    title = "Not found"


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
    title = "That idempotency key belongs to another cart"


class CheckoutInProgressError(ConflictError):
    """The first request with this key is still running."""

    code = "checkout_in_progress"
    title = "This checkout is being started already"


class CartRefusedError(RequestWrongError):
    """Altan Pay refused the cart: 400, 402, 409 or 422."""

    code = "cart_refused"
    title = "The payment provider refused this cart"


class AltanPayMisconfiguredError(ServiceFailedError):
    """Altan Pay does not know our ids or URL: 401, 403, 404, 405 or a redirect."""

    code = "altan_pay_misconfigured"
    title = "This shop's payment set-up is wrong"


class AltanPayMalformedError(ServiceFailedError):
    """Altan Pay's answer is not the address of an allowed payment page."""

    code = "altan_pay_malformed"
    title = "The payment provider gave an answer that cannot be used"


class AltanPayUnavailableError(ServiceFailedError):
    """Altan Pay cannot be reached, or answered 429 or 5xx, or is not called for a while."""

    code = "altan_pay_unavailable"
    title = "The payment provider is unavailable"

    def __init__(
        self, detail: str, *, reason: str | None = None, retry_after_s: int | None = None
    ) -> None:
        super().__init__(detail, reason=reason)
        self.retry_after_s = retry_after_s


class AltanPayTimeoutError(ServiceFailedError):
    """Altan Pay did not answer within the whole deadline."""

    code = "altan_pay_timeout"
    title = "The payment provider took too long"


class StorageUnavailableError(ServiceFailedError):
    """The database cannot commit, so nothing may be acknowledged."""

    code = "storage_unavailable"
    title = "The database is unavailable"


class CommitInDoubtError(StorageUnavailableError):
    """The database was lost, or gave no answer, while it committed: look whether it did."""


class RowsRefusedError(StorageUnavailableError):
    """The database works, but cannot take these very rows; others beside them may be fine."""


class ActTooLargeError(StorageUnavailableError):
    """The database works, but has no room for so much at once; a smaller part of it may fit."""


def is_storage_down(error: Exception) -> bool:
    """Whether nothing can be written at all, rather than these very rows, or so many at once."""
    return isinstance(error, StorageUnavailableError) and not isinstance(
        error, RowsRefusedError | ActTooLargeError
    )
