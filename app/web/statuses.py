"""The table from error to HTTP status. A test checks that every error class is in it."""

from typing import Final

from app.domain import errors
from app.domain.errors import CheckoutError
from app.web import errors as request_errors

STATUS: Final[dict[type[CheckoutError], int]] = {
    errors.InvalidJsonError: 400,
    errors.SignatureMissingError: 400,
    errors.SignatureInvalidError: 400,
    errors.InvalidEventError: 400,
    request_errors.UnauthorizedError: 401,
    request_errors.OriginNotAllowedError: 403,
    request_errors.ForbiddenError: 403,
    errors.NotFoundError: 404,
    request_errors.MethodNotAllowedError: 405,
    request_errors.BodyTimeoutError: 408,
    errors.CheckoutInProgressError: 409,
    errors.CursorExpiredError: 410,
    request_errors.BodyTooLargeError: 413,
    request_errors.UnsupportedMediaTypeError: 415,
    errors.InvalidCartError: 422,
    errors.PriceNotForSaleError: 422,
    errors.IdempotencyKeyReusedError: 422,
    errors.RedirectNotAllowedError: 422,
    errors.CartRefusedError: 422,
    errors.RateLimitedError: 429,
    request_errors.InvalidQueryError: 422,
    request_errors.InvalidWaitError: 422,
    request_errors.InternalError: 500,
    errors.AltanPayMisconfiguredError: 502,
    errors.AltanPayMalformedError: 502,
    errors.AltanPayUnavailableError: 503,
    request_errors.OverloadedError: 503,
    errors.StorageUnavailableError: 503,
    errors.RowsRefusedError: 503,
    errors.CommitInDoubtError: 503,
    errors.ActTooLargeError: 503,
    errors.AltanPayTimeoutError: 504,
}

# These answers have a Retry-After header.
WITH_RETRY_AFTER: Final = frozenset({409, 429, 503})


def status_of(kind: type[CheckoutError]) -> int:
    """Return the status of a class, or of its nearest base, because adapters add subclasses."""
    return next(STATUS[base] for base in kind.__mro__ if base in STATUS)
