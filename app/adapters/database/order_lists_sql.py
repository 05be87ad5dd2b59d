"""The SQL for lists of orders, in the form of `sql.py`. Every list is read along an index.

See `ix_…_created_at_ms`, `ix_…_client_reference_id`, and the same for attempted payments.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from app.adapters.database.orders_sql import ATTEMPTED, MARKED, UNNOTED
from app.domain.payments.status import PaymentStatus
from app.usecases.orders import OPEN_ALONE, OrderRange

# A checkout's status comes from its own session, from a session that it does not know, or from one
# that recovered its own. EXISTS only where few rows can match: for a page of 50, PostgreSQL would
# hash all payments that have the status.
_IS_RECOVERED_OR_CLAIMED: Final = """(
    EXISTS (SELECT 1 FROM payments WHERE recovered_from = checkouts.session_id)
    OR (checkouts.session_id IS NULL AND (
        SELECT 1 FROM payments WHERE payments.checkout_id = checkouts.id LIMIT 1) = 1)
)"""
_MAY_HAVE_STATUS: Final = f"""(
    (SELECT status FROM payments WHERE payments.session_id = checkouts.session_id)
        = ANY(:statuses::text[])
    OR {_IS_RECOVERED_OR_CLAIMED}
)"""
_STRANGER_MAY_HAVE_STATUS: Final = """(
    status = ANY(:statuses::text[])
    OR EXISTS (SELECT 1 FROM payments AS later WHERE later.recovered_from = payments.session_id)
)"""
# An order is open if all of its payments are. `has_outcome` is set some time after its session's
# payment has another status (SETTLE_CHECKOUTS), so that few are left to look at.
_MAY_BE_OPEN: Final = """(NOT has_outcome
    AND NOT EXISTS (SELECT 1 FROM payments WHERE payments.session_id = checkouts.session_id
                    AND status <> 'open')
)"""
_MAY_BE_FLAGGED: Final = f"""(
    (SELECT flagged FROM payments WHERE payments.session_id = checkouts.session_id)
    OR {_IS_RECOVERED_OR_CLAIMED}
    OR EXISTS (SELECT 1 FROM renewals
               WHERE renewals.session_id = checkouts.session_id AND flagged)
    OR EXISTS (SELECT 1 FROM flag_causes WHERE order_id = checkouts.id)
)"""
_STRANGER_MAY_BE_FLAGGED: Final = """(
    flagged
    OR EXISTS (SELECT 1 FROM payments AS later WHERE later.recovered_from = payments.session_id)
    OR EXISTS (SELECT 1 FROM renewals
               WHERE renewals.session_id = payments.session_id AND renewals.flagged)
    OR EXISTS (SELECT 1 FROM flag_causes WHERE order_id = payments.session_id)
)"""


# An order of one of these has a payment that was attempted: its own, or one that recovered or
# claimed it.
_ATTEMPTED_STATUSES: Final = frozenset(PaymentStatus) - {PaymentStatus.OPEN, PaymentStatus.EXPIRED}
_ATTEMPTED_WITH: Final = f"{ATTEMPTED} AND coalesce(status, '') = ANY(:statuses::text[])"
# Materialized, or SQLite reads all checkouts with an order number to find these few among them.
_UNMARKED: Final = f"""(
    WITH few AS MATERIALIZED (
        SELECT id, created_at_ms, client_reference_id, session_id FROM checkouts
        WHERE session_id = ANY(ARRAY(
            SELECT session_id FROM payments WHERE {UNNOTED}
            UNION SELECT recovered_from FROM payments WHERE recovered_from IS NOT NULL)))
    SELECT * FROM few) AS checkouts"""
_RECOVERED: Final = """(
    WITH few AS MATERIALIZED (
        SELECT session_id, created_at_ms, client_reference_id, flagged FROM payments
        WHERE session_id = ANY(ARRAY(
            SELECT recovered_from FROM payments WHERE recovered_from IS NOT NULL)))
    SELECT * FROM few) AS payments"""
# Not NOT EXISTS, which PostgreSQL turns into a join that reads and sorts both tables.
_HAS_NO_CHECKOUT: Final = """(
    SELECT checkouts.id FROM checkouts WHERE checkouts.session_id = payments.session_id LIMIT 1
) IS NULL"""


class _Walk(NamedTuple):
    """Rows in the list's order; `condition` is in addition to the query's."""

    table: str
    condition: str = "true"


class _Query:
    """Conditions that are added one by one, with their values."""

    def __init__(self) -> None:
        self._conditions: list[str] = []
        self.values: dict[str, object] = {}

    def add(self, condition: str, **values: object) -> None:
        """Add a condition."""
        self._conditions.append(condition)
        self.values |= values

    def where(self, condition: str) -> str:
        """Return all conditions, and another."""
        return " AND ".join([*self._conditions, condition])


def checkouts_in(asked: OrderRange) -> tuple[str, dict[str, object]]:
    """Return the text and the values of `OrderBook.checkouts_in`."""
    query = _ranged(asked, "id")
    if asked.wanted.flagged:
        query.add(_MAY_BE_FLAGGED)
    statuses = asked.wanted.statuses
    if statuses - OPEN_ALONE:
        query.values["statuses"] = sorted(statuses)
    return _text("id", query, _walks_of_checkouts(statuses), asked.limit)


def _walks_of_checkouts(statuses: frozenset[PaymentStatus]) -> list[_Walk]:
    open_ones = [_Walk("checkouts", _MAY_BE_OPEN)] if PaymentStatus.OPEN in statuses else []
    others = statuses - OPEN_ALONE
    if not others:
        return open_ones or [_Walk("checkouts")]
    if others <= _ATTEMPTED_STATUSES:
        marked = _Walk("checkouts", f"{MARKED} AND {_MAY_HAVE_STATUS}")
        return [*open_ones, marked, _Walk(_UNMARKED, _MAY_HAVE_STATUS)]
    any_of_them = [_MAY_HAVE_STATUS, *(each.condition for each in open_ones)]
    return [_Walk("checkouts", f"({' OR '.join(any_of_them)})")]


def strangers_in(asked: OrderRange) -> tuple[str, dict[str, object]]:
    """Return the text and the values of `OrderBook.strangers_in`."""
    query = _ranged(asked, "session_id")
    query.add(_HAS_NO_CHECKOUT)
    if asked.wanted.flagged:
        query.add(_STRANGER_MAY_BE_FLAGGED)
    statuses = asked.wanted.statuses
    walks = [_Walk("payments")]
    if statuses == OPEN_ALONE:
        walks = [_Walk("payments", "status = 'open'")]
    elif statuses:
        query.values["statuses"] = sorted(statuses)
        walks = [_Walk("payments", _STRANGER_MAY_HAVE_STATUS)]
        if statuses <= _ATTEMPTED_STATUSES:
            walks = [_Walk("payments", _ATTEMPTED_WITH), _Walk(_RECOVERED)]
    return _text("session_id", query, walks, asked.limit)


def _ranged(asked: OrderRange, key: str) -> _Query:
    query, wanted = _Query(), asked.wanted
    for name, position, sign in (("after", asked.after, "<"), ("until", asked.until, ">")):
        if position:
            values = {f"{name}_ms": position.created_at_ms, f"{name}_id": position.order_id}
            query.add(f"(created_at_ms, {key}) {sign} (:{name}_ms, :{name}_id)", **values)
    for name, value, condition in (
        ("reference", wanted.client_reference_id, "client_reference_id = :reference"),
        ("gte_ms", wanted.created_gte_ms, "created_at_ms >= :gte_ms"),
        ("lt_ms", wanted.created_lt_ms, "created_at_ms < :lt_ms"),
    ):
        if value is not None:
            query.add(condition, **{name: value})
    return query


def _text(
    key: str, query: _Query, walks: Sequence[_Walk], limit: int
) -> tuple[str, dict[str, object]]:
    """Merge some walks, each in order and no longer than the whole list."""
    parts = [
        f"SELECT created_at_ms, {key} AS order_id FROM {walk.table}"
        f" WHERE {query.where(walk.condition)}"
        f" ORDER BY created_at_ms DESC, {key} DESC LIMIT :limit"
        for walk in walks
    ]
    if len(parts) == 1:
        return parts[0], query.values | {"limit": limit}
    merged = " UNION ".join(
        f"SELECT created_at_ms, order_id FROM ({part}) AS walk_{number}"
        for number, part in enumerate(parts)
    )
    order = "ORDER BY created_at_ms DESC, order_id DESC LIMIT :limit"
    return f"{merged} {order}", query.values | {"limit": limit}
