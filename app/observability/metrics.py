"""Counters and histograms for Prometheus. Labels come from fixed sets: no stranger makes one."""

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
METRICS_MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class CountedConnections(Protocol):
    """The server's connections: how many are open, and what becomes of each."""

    @property
    def open(self) -> int: ...  # noqa: D102 said above

    def report_outcomes_to(self, report: Callable[[str], None]) -> None: ...  # noqa: D102 said above


class Metrics:
    """The metrics of one service, in a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nobody reads
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        counter = partial(Counter, registry=self.registry)
        histogram = partial(Histogram, registry=self.registry, buckets=_SECONDS)
        self.requests = counter(
            "altan_checkout_http_requests",
            "Requests answered, by route, method and status.",
            ("route", "method", "status"),
        )
        self.request_seconds = histogram(
            "altan_checkout_http_request_seconds",
            "Seconds from a request's headers to the end of its answer.",
            ("route",),
        )
        self.webhooks = counter(
            "altan_checkout_webhooks", "Webhooks, by what became of them.", ("outcome",)
        )
        self.upstream_calls = counter(
            "altan_checkout_altan_pay_calls",
            "Calls of Altan Pay, by result: ok, or the code of the error.",
            ("result",),
        )
        self.upstream_seconds = histogram(
            "altan_checkout_altan_pay_call_seconds", "Seconds that a call of Altan Pay took."
        )
        self.breaker = Enum(
            "altan_checkout_altan_pay_breaker",
            "The circuit breaker in front of Altan Pay.",
            states=["closed", "open", "half_open"],
            registry=self.registry,
        )
        self.followers = Gauge(
            "altan_checkout_followers",
            "Streams and waiting requests that are open now.",
            registry=self.registry,
        )
        self.places_full = counter(
            "altan_checkout_live_places_full",
            "Times that a client, its network, a payment or the process had no place for one more.",
            ("full",),
        )
        self.connections = Gauge(
            "altan_checkout_connections", "Connections that are open now.", registry=self.registry
        )
        self.connection_outcomes = counter(
            "altan_checkout_connection_outcomes",
            "Connections, by what became of them.",
            ("outcome",),
        )
        self.body_bytes = Gauge(
            "altan_checkout_body_bytes",
            "Bytes of request bodies that are held now, by what they are.",
            ("kind",),
            registry=self.registry,
        )
        self.alerts = counter(
            "altan_checkout_alerts",
            "What the owner was told of, by name; docs/alerts.md says what to do.",
            ("name",),
        )

    def show_connections(self, connections: CountedConnections) -> None:
        """Show what the server counts."""
        self.connections.set_function(lambda: connections.open)
        series = cache(self.connection_outcomes.labels)
        connections.report_outcomes_to(lambda outcome: series(outcome).inc())

    def show_body_bytes(self, kind: str, held: Callable[[], int]) -> None:
        """Show how many bytes of a budget are held."""
        self.body_bytes.labels(kind).set_function(held)

    def exposition(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self.registry)
