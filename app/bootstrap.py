"""The composition root: creates everything from the settings, once, and connects it."""

from functools import partial
from importlib.metadata import version
from typing import Final

import structlog
from starlette.types import ASGIApp

from app.access import make_access
from app.adapters.stripe_signature import StripeSignatures
from app.adapters.system import RandomCheckoutIds, SystemClock, allow_many_open_files
from app.alerting import alert_channels, report_failed_work, watch_storage
from app.catalogs import check_catalog, open_catalog
from app.checkouts import open_checkouts
from app.console import open_console
from app.databases import open_database, prepare_database
from app.domain.checkout.catalog import OTHERS
from app.domain.stripe_events.event import EventFilter
from app.feeding import open_feed
from app.lifetime import Lifetime
from app.notifying import start_notifying
from app.observability.alerts import Alerts
from app.observability.live_places import LivePlacesReport
from app.observability.logs import configure_logging
from app.observability.metrics import METRICS_MEDIA_TYPE, Metrics
from app.observability.payments import PaymentReport
from app.observability.request_log import RequestLog
from app.observability.webhooks import WebhookReport
from app.orders import make_orders
from app.orders_table import keep_orders_table
from app.reconciling import open_reconciliation
from app.settings.doubts import doubts
from app.settings.settings import Settings, odd_names
from app.settings.types import LogFormat
from app.shared import Shared
from app.usecases.changes import Changes
from app.usecases.housekeeping import Housekeeping
from app.usecases.inbox import Inbox
from app.usecases.inspect_events import InspectEvents
from app.usecases.live_places import PLACES_MAX, LivePlaces
from app.usecases.payment_feed import PaymentFeed
from app.usecases.read_payment import ReadPayment
from app.usecases.record_events import RecordEvents
from app.usecases.replay_events import ReplayEvents
from app.usecases.wake_events import WakeEvents
from app.usecases.webhook_watch import WebhookWatch
from app.web.api.checkout_module import CheckoutModule
from app.web.api.health import Liveness, Readiness
from app.web.api.hidden import HiddenEndpoint
from app.web.api.metrics import MetricsEndpoint
from app.web.api.replay import ReplayEndpoint
from app.web.api.status import StatusEndpoint
from app.web.api.stream import StatusStreamEndpoint
from app.web.api.webhooks import WebhookEndpoint
from app.web.application import Application
from app.web.http.connections import Connections
from app.web.pages.docs import DocsEndpoint
from app.web.pages.problem_page import ProblemPages
from app.web.pages.shop_html import Shop, ShopHtml
from app.web.pages.success_html import SuccessHtml
from app.web.pages.success_page import SuccessPageEndpoint
from app.web.problems import Problems
from app.web.routes import Endpoint

VERSION: Final = version("altan-checkout")

_log = structlog.get_logger()


def prepare(settings: Settings) -> None:
    """Prepare to serve: set up logs, check the catalog, bring the schema up to date.

    Raises:
        SettingsError: the catalog is broken.
        MigrationError: the database cannot be used.
    """
    allow_many_open_files()
    configure_logging(level=settings.log_level, for_people=settings.log_format is LogFormat.CONSOLE)
    catalog = check_catalog(settings)
    if catalog:
        if catalog.allows_others:
            _log.warning(
                "catalog_allows_others",
                message=f"all prices of the account can be bought: the catalog has {OTHERS} = true",
            )
    else:
        _log.warning(
            "no_catalog", message="all prices of the account can be bought: set CATALOG_FILE"
        )
    if settings.is_sandbox:
        _log.warning(
            "sandbox", message="Altan Pay is simulated on this machine; no real money moves"
        )
    for message in odd_names():
        _log.warning("unknown_setting", message=message)
    for doubt in doubts(settings):
        if doubt.is_logged_at_start:
            _log.warning("doubtful_setting", setting=doubt.name, message=doubt.message)
    prepare_database(settings)


def create_app(
    settings: Settings,
    connections: Connections | None = None,
    *,
    places_max: int = PLACES_MAX,
) -> ASGIApp:
    """Return the whole service. Call `prepare` first.

    `connections` are the server's; `places_max` limits streams and waiting requests.

    Raises:
        SettingsError: the catalog was broken meanwhile.
    """
    shared = _make_shared(settings, places_max)
    _run_jobs(shared)
    shared.metrics.show_connections(connections or Connections())
    application = Application(
        _make_endpoints(shared),
        problems=shared.problems,
        version=VERSION,
        cors_origins=settings.shop_origins,
        lifespan=shared.lifetime,
    )
    return RequestLog(application, shared.metrics)


def _make_endpoints(shared: Shared) -> list[Endpoint]:
    """Return all endpoints; each declares its own routes."""
    proxies = shared.settings.trusted_proxies

    async def can_commit() -> None:
        await shared.database.write_heartbeat(shared.clock.now_ms())

    readiness, orders = Readiness({"database": can_commit}), make_orders(shared)
    reconciliation, replay = open_reconciliation(shared, version=VERSION), _make_replay(shared)
    return [
        open_checkouts(shared, version=VERSION),
        StatusEndpoint(read_payment=shared.read_payment, feed=shared.feed, trusted_proxies=proxies),
        StatusStreamEndpoint(feed=shared.feed, trusted_proxies=proxies),
        SuccessPageEndpoint(
            shared.read_payment, SuccessHtml(shared.shop_html, shared.catalog), shared.clock
        ),
        _webhooks(shared),
        CheckoutModule(),
        Liveness(),
        readiness,
        MetricsEndpoint(shared.metrics.exposition, METRICS_MEDIA_TYPE),
        open_feed(shared),
        DocsEndpoint(),
        orders,
        reconciliation,
        ReplayEndpoint(
            replay=replay,
            inspect=InspectEvents(database=shared.database),
            access=shared.access,
        ),
        *open_console(
            shared,
            orders=orders,
            reconciliation=reconciliation,
            readiness=readiness,
            replay=replay,
            version=VERSION,
        ),
        *([] if shared.access.tokens else [HiddenEndpoint()]),
    ]


def _make_shared(settings: Settings, places_max: int) -> Shared:
    metrics, lifetime = Metrics(), Lifetime()
    alerts = Alerts(metrics, alert_channels(settings, lifetime, release=VERSION))
    lifetime.reports(partial(report_failed_work, alerts))
    places = LivePlaces(in_all=places_max, on_full=LivePlacesReport(metrics, alerts))
    database = open_database(settings, alerts)
    lifetime.closes(database.close)
    lifetime.runs(partial(watch_storage, alerts, database))
    read_payment = ReadPayment(database=database)
    shop_html = _shop_html(settings)
    return Shared(
        settings=settings,
        clock=SystemClock(),
        metrics=metrics,
        lifetime=lifetime,
        alerts=alerts,
        database=database,
        read_payment=read_payment,
        feed=PaymentFeed(read_payment=read_payment, database=database, places=places),
        changes=Changes(),
        payment_report=PaymentReport(metrics),
        problems=Problems(ProblemPages(shop_html, settings.app_url)),
        access=make_access(settings),
        catalog=open_catalog(settings, lifetime, alerts),
        shop_html=shop_html,
    )


def _shop_html(settings: Settings) -> ShopHtml:
    return ShopHtml(
        Shop(
            url=settings.app_url,
            name=settings.shop_name_shown,
            color=settings.brand_color,
            portal_url=settings.customer_portal_url,
        )
    )


def _make_replay(shared: Shared) -> ReplayEvents:
    return ReplayEvents(
        database=shared.database,
        clock=shared.clock,
        alarm=shared.alerts,
        on_change=shared.changes,
    )


def _run_jobs(shared: Shared) -> None:
    """Register the background jobs."""
    feed = shared.feed
    shared.metrics.followers.set_function(lambda: feed.followers)
    shared.changes.reach(feed.changed)
    shared.changes.reach(shared.payment_report.changed)
    shared.lifetime.runs(feed.run)
    shared.lifetime.stops(feed.close)
    housekeeping = Housekeeping(
        database=shared.database,
        clock=shared.clock,
        replay=_make_replay(shared),
        retention_days=shared.settings.event_retention_days,
    )
    shared.lifetime.runs(housekeeping.run)
    start_notifying(shared, version=VERSION)
    keep_orders_table(shared, version=VERSION)


def _webhooks(shared: Shared) -> WebhookEndpoint:
    settings = shared.settings
    wake_events = WakeEvents(
        database=shared.database,
        clock=shared.clock,
        alarm=shared.alerts,
        on_change=shared.changes,
    )
    shared.lifetime.runs(wake_events.run)
    record_events = RecordEvents(
        database=shared.database,
        clock=shared.clock,
        alarm=shared.alerts,
        on_change=shared.changes,
        hurry=wake_events.hurry,
    )
    watch = WebhookWatch(
        database=shared.database,
        clock=shared.clock,
        ids=RandomCheckoutIds(),
        alarm=shared.alerts,
        all_clear=shared.alerts.was_over,
        show=shared.alerts.show,
    )
    shared.lifetime.runs(watch.run)
    endpoint = WebhookEndpoint(
        signatures=StripeSignatures(
            [secret.get_secret_value() for secret in settings.stripe_webhook_secrets],
            tolerance_s=settings.stripe_webhook_tolerance_s,
            clock=shared.clock,
        ),
        event_filter=EventFilter(settings.altan_stripe_connect_id, settings.stripe_livemode),
        inbox=Inbox(record_events, lanes=2 if settings.postgres_url else 1),
        problems=shared.problems,
        report=WebhookReport(shared.metrics, shared.alerts),
        see=watch.see,
        trusted_proxies=settings.trusted_proxies,
    )
    shared.metrics.show_body_bytes("webhooks", lambda: endpoint.budget.used)
    return endpoint
