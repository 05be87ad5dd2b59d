"""Counters and histograms for Prometheus. Labels have fixed values, none from a request."""

from collections.abc import Callable
from functools import cache, partial
from typing import Final, Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Enum,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SECONDS_TO_PAID: Final = (10, 30, 60, 120, 300, 600, 1_800, 3_600, 21_600, 86_400, 604_800)
METRICS_MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class CountedConnections(Protocol):
    """The server's connections: how many are open, and their outcomes."""

    @property
    def open(self) -> int: ...  # noqa: D102 said above

    def report_outcomes_to(self, report: Callable[[str], None]) -> None: ...  # noqa: D102 said above


class Metrics:
    """The metrics of one service, in their own registry."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # an unused second series for each
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self._counter = partial(Counter, registry=self.registry)
        self._gauge = partial(Gauge, registry=self.registry)
        self._histogram = partial(Histogram, registry=self.registry)
        self._add_http()
        self._add_altan_pay()
        self._add_limits()
        self._add_notifications()
        self._add_orders_table()
        self._add_shop()
        self._add_reconciliation()
        self.alerts = self._counter(
            "altan_checkout_alerts",
            "Alerts raised, by name; see docs/alerts.md.",
            ("name",),
        )
        self.alert_active = self._gauge(
            "altan_checkout_alert_active",
            "1 while an alert's problem lasts, else 0, for alerts whose end is known.",
            ("name",),
        )

    def _add_http(self) -> None:
        self.requests = self._counter(
            "altan_checkout_http_requests",
            "HTTP requests answered, by route, method and status.",
            ("route", "method", "status"),
        )
        self.request_seconds = self._histogram(
            "altan_checkout_http_request_seconds",
            "Seconds from a request's headers to the end of its response.",
            ("route",),
            buckets=_SECONDS,
        )
        self.webhooks = self._counter(
            "altan_checkout_webhooks", "Webhooks received, by outcome.", ("outcome",)
        )

    def _add_altan_pay(self) -> None:
        self.upstream_calls = self._counter(
            "altan_checkout_altan_pay_calls",
            "Calls to Altan Pay, by result: ok, or the error's code.",
            ("result",),
        )
        self.upstream_seconds = self._histogram(
            "altan_checkout_altan_pay_call_seconds",
            "Duration of calls to Altan Pay in seconds.",
            buckets=_SECONDS,
        )
        self.breaker = Enum(
            "altan_checkout_altan_pay_breaker",
            "State of the circuit breaker for Altan Pay.",
            states=["closed", "open", "half_open"],
            registry=self.registry,
        )

    def _add_limits(self) -> None:
        self.followers = self._gauge(
            "altan_checkout_followers",
            "Open streams and waiting requests.",
        )
        self.places_full = self._counter(
            "altan_checkout_live_places_full",
            "Streams and waiting requests refused, by the limit that was reached.",
            ("full",),
        )
        self.connections = self._gauge("altan_checkout_connections", "Open connections.")
        self.connection_outcomes = self._counter(
            "altan_checkout_connection_outcomes",
            "Connections, by outcome.",
            ("outcome",),
        )
        self.body_bytes = self._gauge(
            "altan_checkout_body_bytes",
            "Bytes of request bodies in memory, by kind.",
            ("kind",),
        )

    def _add_notifications(self) -> None:
        self.notifications_waiting = self._gauge(
            "altan_checkout_notifications_waiting",
            "Notifications that wait to be taken.",
        )
        self.notifications_oldest_seconds = self._gauge(
            "altan_checkout_notifications_oldest_seconds",
            "Age of the oldest notification that waits, in seconds.",
        )
        self.notification_tries = self._counter(
            "altan_checkout_notification_tries",
            "Tries at posting a notification, by result.",
            ("result",),
        )
        self.notification_seconds = self._histogram(
            "altan_checkout_notification_seconds",
            "Seconds from a change to its notification being taken.",
            buckets=(*_SECONDS, 60, 600, 3_600, 86_400),
        )

    def _add_orders_table(self) -> None:
        self.orders_table_rows = self._counter(
            "altan_checkout_orders_table_rows",
            "Rows sent to the orders table, by result.",
            ("result",),
        )
        self.orders_table_refused = self._gauge(
            "altan_checkout_orders_table_refused",
            "Orders whose row the orders table refuses.",
        )

    def _add_shop(self) -> None:
        self.checkouts_started = self._counter(
            "altan_checkout_checkouts_started",
            "Checkouts that were started, by mode.",
            ("mode",),
        )
        self.payments = self._counter(
            "altan_checkout_payments",
            "Payments that reached a status, by status.",
            ("status",),
        )
        self.refunded = self._counter(
            "altan_checkout_refunded_minor",
            "Refunded amounts in the currency's minor unit, by currency.",
            ("currency",),
        )
        self.paid_seconds = self._histogram(
            "altan_checkout_paid_seconds",
            "Seconds from a checkout to its payment.",
            buckets=_SECONDS_TO_PAID,
        )

    def _add_reconciliation(self) -> None:
        self.unread_at_stripe = self._counter(
            "altan_checkout_unread_at_stripe",
            "What checks of Stripe could not read: events, objects, and parts of a check.",
        )

    def show_reconciled_until(self) -> Callable[[int], None]:
        """Export up to when events were checked; return what sets it, in epoch seconds.

        Without a key there is no such series, so that no rule fires.
        """
        self.reconciled_until = self._gauge(
            "altan_checkout_reconciled_until_timestamp_seconds",
            "Events created at Stripe before this time were checked; 0 before the first check.",
        )
        return self.reconciled_until.set

    def show_connections(self, connections: CountedConnections) -> None:
        """Export the server's connection counts."""
        self.connections.set_function(lambda: connections.open)
        series = cache(self.connection_outcomes.labels)
        connections.report_outcomes_to(lambda outcome: series(outcome).inc())

    def show_body_bytes(self, kind: str, held: Callable[[], int]) -> None:
        """Export how many bytes of a budget are in use."""
        self.body_bytes.labels(kind).set_function(held)

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)
