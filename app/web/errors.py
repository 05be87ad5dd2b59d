"""Errors of HTTP requests: sizes, media types, methods, origins, tokens, parameters."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.errors import (
    CheckoutError,
    Fault,
    RateLimitedError,
    RequestWrongError,
    ServiceFailedError,
    first_of,
)


@dataclass(frozen=True, slots=True)
class QueryFault:
    """One wrong parameter, and how to fix it."""

    parameter: str
    detail: str


class UnauthorizedError(RequestWrongError):
    """The request has no token, or a wrong one."""

    code = "unauthorized"
    title = "A token is needed"


class ForbiddenError(RequestWrongError):
    """The token is valid, but does not allow this."""

    code = "forbidden"
    title = "This token may not do that"


class FormRefusedError(ForbiddenError):
    """A form of the console does not come from the operator's own page; the token is fine."""

    title = "The form was not accepted"


class TooManyGuessesError(RateLimitedError):
    """One client has sent too many wrong tokens."""

    title = "Too many wrong tokens"


class InvalidQueryError(RequestWrongError):
    """Query parameters are wrong; `query_faults` lists them."""

    code = "invalid_query"
    title = "The query is not valid"

    def __init__(self, query_faults: Sequence[QueryFault]) -> None:
        faults = [Fault(fault.parameter, fault.detail) for fault in query_faults]
        plural = "s" if len(faults) > 1 else ""
        super().__init__(first_of(f"Wrong query parameter{plural}", faults))
        self.query_faults = tuple(query_faults)


class BodyTooLargeError(RequestWrongError):
    """The body is larger than this endpoint allows."""

    code = "body_too_large"
    title = "The body is too large"


class BodyTimeoutError(RequestWrongError):
    """The body did not arrive completely in time."""

    code = "body_timeout"
    title = "The body did not arrive in time"


class UnsupportedMediaTypeError(RequestWrongError):
    """The body has a content type that this endpoint does not accept."""

    code = "unsupported_media_type"
    title = "The content type is not supported"


class OriginNotAllowedError(RequestWrongError):
    """The request came from a page that is not the shop's."""

    code = "origin_not_allowed"
    title = "This page is not allowed to start a checkout"


class InvalidWaitError(RequestWrongError):
    """`wait` is not a number of seconds."""

    code = "invalid_wait"
    title = "wait must be a number of seconds"


class MethodNotAllowedError(RequestWrongError):
    """The URL exists, but not with this method. `allow` is the Allow header's value."""

    code = "method_not_allowed"
    title = "The method is not allowed"

    def __init__(self, allow: str) -> None:
        super().__init__(f"Use {allow} for this URL.")
        self.allow = allow


class OverloadedError(ServiceFailedError):
    """The process has reached its limit of connections or of request bytes in memory."""

    code = "overloaded"
    title = "The service is overloaded"


class InternalError(CheckoutError):
    """A bug in this service."""

    code = "internal_error"
    title = "Something went wrong on our side"

    def __init__(self) -> None:
        super().__init__("The error was logged with the request id. Please try again.")
