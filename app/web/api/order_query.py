"""The query of GET /orders: filters, the size of a page, and the cursor to the next one.

A cursor contains where a page ended and which filters it belongs to. Callers send it back as it is;
an invalid one, or one sent with other filters, is refused.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import orjson

from app.domain.payments.status import PaymentStatus
from app.usecases.orders import OrderFilter, OrderPosition
from app.web.api.query import NO_CURSOR, QueryReading, read_limit

LIMIT_DEFAULT: Final = 50

_REFERENCE: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")
_CURSOR: Final = re.compile(r"[A-Za-z0-9_-]{1,600}")
_ORDER_ID: Final = re.compile(r"[A-Za-z0-9_]{1,255}")
_NO_TIME: Final = "must be a time like 2026-11-29T12:00:00Z (RFC 3339)"
_LOST_PLUS: Final = "; write + as %2B in a URL"
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def read_order_query(
    parameters: Sequence[tuple[str, str]],
) -> tuple[OrderFilter, OrderPosition | None, int]:
    """Return the filter, where to continue, and the number of orders.

    Raises:
        InvalidQueryError: a parameter is unknown, repeated, or wrong.
    """
    reading = QueryReading(parameters)
    wanted = OrderFilter(
        client_reference_id=reading.one("client_reference_id", _reference),
        statuses=frozenset(reading.many("status", _status)),
        flagged=reading.one("flagged", true_or_false),
        created_gte_ms=reading.one("created_gte", _time_ms),
        created_lt_ms=reading.one("created_lt", _time_ms),
    )
    begin_ms, end_ms = wanted.created_gte_ms, wanted.created_lt_ms
    if begin_ms is not None and end_ms is not None and begin_ms > end_ms:
        reading.refuse("created_lt", "must not be before created_gte")
    limit = reading.one("limit", read_limit)
    after = reading.one("cursor", lambda text: _read_cursor(text, wanted))
    reading.finish()
    return wanted, after, LIMIT_DEFAULT if limit is None else limit


def make_cursor(wanted: OrderFilter, last: OrderPosition) -> str:
    """Return the cursor to the orders after `last` with these filters."""
    return _cursor_to(last, filters=_print_of_filters(wanted))


def _cursor_to(last: OrderPosition, *, filters: object) -> str:
    values = [filters, last.created_at_ms, last.order_id]
    document = orjson.dumps([*values, _print_of(values)])
    return base64.urlsafe_b64encode(document).decode().rstrip("=")


def _read_cursor(text: str, wanted: OrderFilter) -> OrderPosition:
    if not _CURSOR.fullmatch(text):
        raise ValueError(NO_CURSOR)
    try:
        padded = text + "=" * (-len(text) % 4)
        filters, created_at_ms, order_id, _ = orjson.loads(base64.urlsafe_b64decode(padded))
    except (binascii.Error, ValueError, TypeError) as error:
        raise ValueError(NO_CURSOR) from error
    is_time = type(created_at_ms) is int and 0 <= created_at_ms < 2**53
    if not is_time or not isinstance(order_id, str) or not _ORDER_ID.fullmatch(order_id):
        raise ValueError(NO_CURSOR)
    last = OrderPosition(created_at_ms=created_at_ms, order_id=order_id)
    if text != _cursor_to(last, filters=filters):  # changed on its way, or made up
        raise ValueError(NO_CURSOR)
    if filters != _print_of_filters(wanted):
        raise ValueError("belongs to other filters: use the same filters for each page")
    return last


def _print_of_filters(wanted: OrderFilter) -> str:
    return _print_of(
        [
            wanted.client_reference_id,
            sorted(wanted.statuses),
            wanted.flagged,
            wanted.created_gte_ms,
            wanted.created_lt_ms,
        ]
    )


def _print_of(values: Sequence[object]) -> str:
    return hashlib.blake2b(orjson.dumps(values), digest_size=8).hexdigest()


def _reference(text: str) -> str:
    if not _REFERENCE.fullmatch(text):
        raise ValueError("must be 1 to 200 of A-Z a-z 0-9 _ -")
    return text


def _status(text: str) -> PaymentStatus:
    try:
        return PaymentStatus(text)
    except ValueError:
        raise ValueError(f"must be one of {', '.join(PaymentStatus)}") from None


_FLAGGED: Final[Mapping[str, bool]] = {"true": True, "false": False}


def true_or_false(text: str) -> bool:
    """Read a yes or no."""
    if text not in _FLAGGED:
        raise ValueError("must be true or false")
    return _FLAGGED[text]


def _time_ms(text: str) -> int:
    """Read RFC 3339 with a zone. In a query, `+` means a space unless it is encoded as %2B."""
    if not _TIME.fullmatch(text):
        is_plus_lost = _TIME.fullmatch(text.replace(" ", "+")) is not None
        raise ValueError(f"{_NO_TIME}{_LOST_PLUS if is_plus_lost else ''}")
    try:
        at = datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError(_NO_TIME) from None
    return round(at.timestamp() * 1000)
