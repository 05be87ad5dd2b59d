"""What a client chose beside the line items: the return URLs and the passed fields.

Altan Pay may fail on an odd one, so a cart counts as known only if its shape has worked before.
"""

import re
from collections.abc import Mapping
from typing import Final

from app.domain.checkout.passed_fields import PassedFields
from app.domain.checkout.urls import read_web_url

Shape = tuple[str, ...]

SHAPE_LENGTH_MAX: Final = 1000  # a thousand shapes are kept, and some URLs have 5000 characters

# A segment of a path, or a parameter's value, that differs from order to order: it has a digit, or
# it is long. Others stay as they are, odd ones too, so that they are known only if they worked.
_ID: Final = re.compile(
    r"(?<=[/=])(?=[A-Za-z_.-]*[0-9]|[A-Za-z_-]{20})[A-Za-z0-9_.-]{1,100}(?=[/?&#]|$)"
)
# A word, an order number or an email address. Passed fields may be personal, so none is kept.
_PLAIN_VALUE: Final = re.compile(r"(?:[A-Za-z0-9]+(?:[ ._@+-][A-Za-z0-9]+)*)?")
PLAIN_VALUE_LENGTH_MAX: Final = 100


def shape_of(success_url: str, cancel_url: str, passed: PassedFields) -> Shape | None:
    """Return the shape, which is equal for all carts of one page.

    It contains both URLs with `*` for each id in them, and the names of the passed fields. None if
    a passed value is unusual, or if the shape is too long to keep; then it can never be known.
    """
    shape = [_url_shape(success_url), _url_shape(cancel_url)]
    for field, value in sorted(passed.items()):
        values = value if isinstance(value, Mapping) else {"": value}
        if not all(map(_is_plain, values.values())):
            return None
        shape += [f"{field} {name}" for name in sorted(values)]
    return tuple(shape) if sum(map(len, shape)) <= SHAPE_LENGTH_MAX else None


def _url_shape(text: str) -> str:
    url = read_web_url(text)
    return url.origin + _ID.sub("*", url.rest)


def _is_plain(value: str) -> bool:
    return len(value) <= PLAIN_VALUE_LENGTH_MAX and _PLAIN_VALUE.fullmatch(value) is not None
