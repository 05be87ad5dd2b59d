"""Counts the rows of the orders table."""

from app.observability.metrics import Metrics
from app.usecases.orders_table import TableResult


class OrdersTableReport:
    """Called for each upsert. Implements `TableReport`."""

    def __init__(self, metrics: Metrics) -> None:
        self._rows = {result: metrics.orders_table_rows.labels(result) for result in TableResult}
        self._refused = metrics.orders_table_refused

    def rows(self, result: TableResult, count: int) -> None:
        """Count the rows of an upsert."""
        self._rows[result].inc(count)

    def set_aside(self, count: int) -> None:
        """Show how many orders are set aside."""
        self._refused.set(count)
