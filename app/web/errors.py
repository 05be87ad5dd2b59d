"""Errors that only HTTP knows: sizes, media types, methods, origins."""

from app.domain.errors import CheckoutError, RequestWrongError, ServiceFailedError


class BodyTooLargeError(RequestWrongError):
    """The body is larger than this address takes."""

    code = "body_too_large"
    title = "The body is too large"


class BodyTimeoutError(RequestWrongError):
    """The body did not arrive whole in time."""

    code = "body_timeout"
    title = "The body did not arrive in time"


class UnsupportedMediaTypeError(RequestWrongError):
    """The body is of a kind that this address does not take."""

    code = "unsupported_media_type"
    title = "That content type is not supported"


class OriginNotAllowedError(RequestWrongError):
    """The page that sent the request is not the shop's."""

    code = "origin_not_allowed"
    title = "That page may not start a checkout here"


class InvalidWaitError(RequestWrongError):
    """`wait` is no number of seconds."""

    code = "invalid_wait"
    title = "That is no time to wait"


class MethodNotAllowedError(RequestWrongError):
    """The address is right, the method is not. `allow` is the Allow header's value."""

    code = "method_not_allowed"
    title = "That method is not allowed here"

    def __init__(self, allow: str) -> None:
        super().__init__(f"This address takes {allow}.")
        self.allow = allow


class OverloadedError(ServiceFailedError):
    """The process holds as many connections, or bytes of bodies, as it can; others were first."""

    code = "overloaded"
    title = "Too much at once"


class InternalError(CheckoutError):
    """A defect of ours."""

    code = "internal_error"
    title = "Something went wrong on our side"

    def __init__(self) -> None:
        super().__init__("It was logged with the request id. Please try again.")
