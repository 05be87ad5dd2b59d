"""Formats orders as CSV (RFC 4180) for spreadsheets, one row for each."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Any, Final

from app.domain.printable import printable

_COLUMNS: Final = (
    "id",
    "client_reference_id",
    "created_by",
    "session_id",
    "livemode",
    "mode",
    "status",
    "currency",
    "amount_subtotal",
    "amount_discount",
    "amount_tax",
    "amount_shipping",
    "amount_total",
    "amount_refunded",
    "created_at",
    "paid_at",
    "payment_intent",
    "dashboard_url",
)
# What begins a formula in a spreadsheet (OWASP, CSV Injection), also in full width, after spaces
# and quotes, and after a semicolon, where some countries' spreadsheets split lines.
_FORMULA: Final = re.compile(r"""(^|;)(?=[\s"']*[=+\-@＝＋－＠]|[\t\r\n])""")  # noqa: RUF001


def orders_csv(documents: Sequence[dict[str, Any]]) -> str:
    """Return a header and a row for each order; amounts are in the currency's minor unit.

    With personal data, customer and shipping are columns, too.
    """
    rows = io.StringIO()
    writer = csv.writer(rows)
    is_personal = any("customer" in document for document in documents)
    names = ("email", "name", "phone") if is_personal else ()
    writer.writerow([*_COLUMNS, "line_items", "flags", "declined", *names])
    for document in documents:
        customer = document.get("customer") or {}
        writer.writerow(
            [
                *(_cell(document[name]) for name in _COLUMNS),
                _cell(
                    " ".join(
                        f"{each['quantity']}x{each['price']}" for each in document["line_items"]
                    )
                ),
                _cell(" ".join(document["flags"])),
                _cell((document["declined"] or {}).get("reason")),
                *(_cell(customer.get(name)) for name in names),
            ]
        )
    return rows.getvalue()


def _cell(value: object) -> object:
    """Make a text safe for spreadsheets and terminals."""
    if not isinstance(value, str):
        return value
    return printable(_FORMULA.sub(r"\1'", value))
