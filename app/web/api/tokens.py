"""What endpoints that need a token have in common in the schema: the header, and the refusals."""

from typing import Final

from app.domain.errors import NotFoundError, RateLimitedError, StorageUnavailableError
from app.web.errors import ForbiddenError, UnauthorizedError
from app.web.openapi import parameter

SHOP_TOKEN: Final = parameter("header", "Authorization", "`Bearer TOKEN`, one of API_TOKENS.")
OPERATOR_TOKEN: Final = parameter(
    "header", "Authorization", "`Bearer TOKEN`, with ADMIN_API_TOKEN."
)
SHOP_REFUSALS: Final = (
    UnauthorizedError,
    NotFoundError,
    RateLimitedError,
    StorageUnavailableError,
)
OPERATOR_REFUSALS: Final = (*SHOP_REFUSALS, ForbiddenError)
