"""The composition root: makes everything from the settings, once, and says who gets what."""

from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Final

import structlog
from starlette.responses import Response
from starlette.types import ASGIApp

from app.adapters.altan_pay.breaker import CircuitBreaker
from app.adapters.altan_pay.bulkhead import Bulkhead
from app.adapters.altan_pay.client import AltanPay, AltanPayAccount
from app.adapters.altan_pay.retries import Retries
from app.adapters.altan_pay.transport import AiohttpTransport
from app.adapters.catalog_file import CatalogError, CatalogFile, load_catalog
from app.adapters.rate_limits import CheckoutLimits, Rates, open_counters
from app.adapters.stripe_signature import StripeSignatures
from app.adapters.system import RandomCheckoutIds, SystemClock, allow_many_open_files
from app.alerting import alert_channels, watch_storage
from app.databases import AnyDatabase, open_database, prepare_database
from app.domain.checkout.redirects import RedirectPolicy
from app.domain.limits.rate_limits import Rate, parse_rate
from app.domain.stripe_events.event import EventFilter
from app.lifetime import Lifetime
from app.observability.alerts import Alerts
from app.observability.live_places import LivePlacesReport
from app.observability.logs import configure_logging
from app.observability.metrics import METRICS_MEDIA_TYPE, Metrics
from app.observability.request_log import RequestLog
from app.observability.upstream import MeasuredPaymentPages
from app.observability.webhooks import WebhookReport
from app.settings.doubts import doubts
from app.settings.settings import Settings, SettingsError, odd_names
from app.settings.types import LogFormat
from app.usecases.housekeeping import Housekeeping
from app.usecases.inbox import Inbox
from app.usecases.live_places import PLACES_MAX, LivePlaces
from app.usecases.payment_feed import PaymentFeed
from app.usecases.ports import AlertName, Clock, PaymentPages
from app.usecases.read_payment import ReadPayment
from app.usecases.record_events import RecordEvents
from app.usecases.replay_events import ReplayEvents
from app.usecases.start_checkout import StartCheckout
from app.usecases.start_checkout_once import StartCheckoutOnce
from app.usecases.wake_events import WakeEvents
from app.usecases.webhook_watch import WebhookWatch
from app.web.api.checkout import CheckoutEndpoint
from app.web.api.checkout_module import DropIn
from app.web.api.health import Readiness
from app.web.api.status import StatusEndpoint
from app.web.api.stream import StatusStreamEndpoint
from app.web.api.webhooks import WebhookEndpoint
from app.web.application import Application, Endpoints
from app.web.http.connections import Connections
from app.web.pages.pages import Pages
from app.web.pages.success_html import Shop, SuccessHtml
from app.web.pages.success_page import SuccessPageEndpoint
from app.web.problems import Problems

VERSION: Final = version("altan-checkout")
LEASE_MARGIN_S: Final = 5.0  # a key holder's two commits, on top of its upstream deadline

_log = structlog.get_logger()


def prepare(settings: Settings, *, by_operator: bool = False) -> None:
    """What must be true before serving: logs set up, the catalogue readable, the schema current.

    `by_operator`: the schema is brought up to date even where replicas share it.

    Raises:
        SettingsError: the catalogue is broken.
        MigrationError: the database cannot be used.
    """
    allow_many_open_files()
    configure_logging(level=settings.log_level, for_people=settings.log_format is LogFormat.CONSOLE)
    if settings.catalog_file:
        try:
            load_catalog(settings.catalog_file)
        except CatalogError as error:
            raise SettingsError([f"CATALOG_FILE is wrong: {error}"]) from error
    else:
        _log.warning("no_catalog", words="any price of the account can be bought: CATALOG_FILE")
    if settings.is_sandbox:
        _log.warning("sandbox", words="Altan Pay is played by this machine; no real money moves")
    for words in odd_names():
        _log.warning("unknown_setting", words=words)
    for doubt in doubts(settings):
        if doubt.is_told_at_start:
            _log.warning("doubtful_setting", setting=doubt.name, words=doubt.words)
    prepare_database(settings, by_operator=by_operator)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What most of the service shares."""

    settings: Settings
    clock: Clock
    metrics: Metrics
    lifetime: Lifetime
    alarm: Alerts
    database: AnyDatabase
    read_payment: ReadPayment
    watch: PaymentFeed
    problems: Problems


def create_app(
    settings: Settings,
    connections: Connections | None = None,
    *,
    places_max: int = PLACES_MAX,
) -> ASGIApp:
    """The whole service. What `prepare` does must have been done.

    `connections` are the server's, `places_max` is for streams and waiting requests.
    """
    parts, proxies = _make_parts(settings, places_max), settings.trusted_proxies
    _run_beside_the_requests(parts)
    parts.metrics.show_connections(connections or Connections())

    async def can_commit() -> None:
        await parts.database.beat(parts.clock.now_ms())

    endpoints = Endpoints(
        checkout=_checkout(parts),
        webhooks=_webhooks(parts),
        status=StatusEndpoint(
            read_payment=parts.read_payment, watch=parts.watch, trusted_proxies=proxies
        ),
        status_stream=StatusStreamEndpoint(watch=parts.watch, trusted_proxies=proxies),
        success_page=_success_page(parts),
        drop_in=DropIn(),
        ready=Readiness({"database": can_commit}),
        metrics=lambda: Response(parts.metrics.exposition(), media_type=METRICS_MEDIA_TYPE),
        problems=parts.problems,
    )
    parts.metrics.show_body_bytes("webhooks", lambda: endpoints.webhooks.budget.used)
    parts.metrics.show_body_bytes("carts", lambda: endpoints.checkout.budget.used)
    application = Application(
        endpoints, version=VERSION, cors_origins=settings.shop_origins, lifespan=parts.lifetime
    )
    return RequestLog(application, parts.metrics)


def _make_parts(settings: Settings, places_max: int) -> _Parts:
    metrics, lifetime = Metrics(), Lifetime()
    alarm = Alerts(metrics, alert_channels(settings, lifetime, release=VERSION))
    places = LivePlaces(in_all=places_max, on_full=LivePlacesReport(metrics, alarm))
    database = open_database(settings, alarm)
    lifetime.closes(database.close)
    lifetime.runs(partial(watch_storage, alarm, database))
    read_payment = ReadPayment(database=database)
    return _Parts(
        settings=settings,
        clock=SystemClock(),
        metrics=metrics,
        lifetime=lifetime,
        alarm=alarm,
        database=database,
        read_payment=read_payment,
        watch=PaymentFeed(read_payment=read_payment, database=database, places=places),
        problems=Problems(Pages(shop_url=settings.app_url)),
    )


def _run_beside_the_requests(parts: _Parts) -> None:
    watch = parts.watch
    parts.metrics.followers.set_function(lambda: watch.followers)
    parts.lifetime.runs(watch.run)
    parts.lifetime.stops(watch.close)
    housekeeping = Housekeeping(
        database=parts.database,
        clock=parts.clock,
        replay=ReplayEvents(
            database=parts.database,
            clock=parts.clock,
            alarm=parts.alarm,
            on_change=watch.changed,
        ),
        retention_days=parts.settings.event_retention_days,
    )
    parts.lifetime.runs(housekeeping.run)


def _webhooks(parts: _Parts) -> WebhookEndpoint:
    settings = parts.settings
    wake_events = WakeEvents(
        database=parts.database,
        clock=parts.clock,
        alarm=parts.alarm,
        on_change=parts.watch.changed,
    )
    parts.lifetime.runs(wake_events.run)
    record_events = RecordEvents(
        database=parts.database,
        clock=parts.clock,
        alarm=parts.alarm,
        on_change=parts.watch.changed,
        hurry=wake_events.hurry,
    )
    watch = WebhookWatch(
        database=parts.database,
        clock=parts.clock,
        ids=RandomCheckoutIds(),
        alarm=parts.alarm,
        all_clear=parts.alarm.was_over,
    )
    parts.lifetime.runs(watch.run)
    return WebhookEndpoint(
        signatures=StripeSignatures(
            [secret.get_secret_value() for secret in settings.stripe_webhook_secrets],
            tolerance_s=settings.stripe_webhook_tolerance_s,
            clock=parts.clock,
        ),
        event_filter=EventFilter(settings.altan_stripe_connect_id, settings.stripe_livemode),
        inbox=Inbox(record_events, lanes=2 if settings.postgres_url else 1),
        problems=parts.problems,
        report=WebhookReport(parts.metrics, parts.alarm),
        see=watch.see,
        trusted_proxies=settings.trusted_proxies,
    )


def _success_page(parts: _Parts) -> SuccessPageEndpoint:
    settings = parts.settings
    shop = Shop(url=settings.app_url, name=settings.shop_name_shown, color=settings.brand_color)
    return SuccessPageEndpoint(parts.read_payment, SuccessHtml(shop), parts.clock)


def _checkout(parts: _Parts) -> CheckoutEndpoint:
    settings, lifetime = parts.settings, parts.lifetime
    catalog = None
    if settings.catalog_file:
        catalog = CatalogFile(settings.catalog_file, parts.alarm, parts.alarm.over)
    if catalog:
        lifetime.runs(catalog.watch)
        lifetime.reloads(catalog.reload)
    limits = _limits(settings, parts.alarm)
    lifetime.closes(limits.close)
    start = StartCheckout(
        redirects=RedirectPolicy(
            allowed_origins=settings.shop_origins,
            success_url_default=settings.success_url or settings.app_url,
            cancel_url_default=settings.cancel_url or settings.app_url,
        ),
        catalog=catalog.current if catalog else lambda: None,
        limits=limits,
        payment_pages=_payment_pages(parts),
        database=parts.database,
        clock=parts.clock,
        ids=RandomCheckoutIds(),
    )
    return CheckoutEndpoint(
        start_checkout=start,
        start_checkout_once=StartCheckoutOnce(
            start=start, lease_s=settings.altan_pay_timeout_s + LEASE_MARGIN_S
        ),
        check_client=limits.check_client,
        trusted_proxies=settings.trusted_proxies,
        quantity_max=settings.max_quantity,
        enforced_origins=settings.shop_origins if settings.allowed_origins else None,
    )


def _payment_pages(parts: _Parts) -> PaymentPages:
    """Altan Pay, wrapped from the inside out: measured, bounded, tried again, broken off."""
    settings, metrics = parts.settings, parts.metrics
    transport = AiohttpTransport()
    parts.lifetime.closes(transport.aclose)

    def breaker_changed(state: str) -> None:
        metrics.breaker.state(state)
        _log.warning("altan_pay_breaker", state=state)
        if state == "open":
            parts.alarm(AlertName.ALTAN_PAY_DOWN, "most calls fail; none is made for a while")
        elif state == "closed":
            parts.alarm.over(AlertName.ALTAN_PAY_DOWN, "calls succeed, and all are made again")

    altan_pay = AltanPay(
        AltanPayAccount(
            url=settings.altan_pay_url,
            account_id=settings.altan_account_id,
            stripe_connect_id=settings.altan_stripe_connect_id,
        ),
        transport=transport,
        version=VERSION,
        allowed_hosts=frozenset(settings.checkout_url_hosts),
    )
    measured = MeasuredPaymentPages(altan_pay, metrics, parts.alarm, parts.alarm.over)
    retrying = Retries(Bulkhead(measured), deadline_s=settings.altan_pay_timeout_s)
    return CircuitBreaker(retrying, on_change=breaker_changed)


def _limits(settings: Settings, alerts: Alerts) -> CheckoutLimits:
    per_client, per_price, overall = (_rate(text) for text in settings.rates)
    return CheckoutLimits(
        Rates(per_client=per_client, per_price=per_price, overall=overall),
        counters=open_counters(settings.rate_limit_storage.get_secret_value()),
        alarm=alerts,
        all_clear=alerts.over,
    )


def _rate(text: str) -> Rate | None:
    return None if text == "off" else parse_rate(text)
