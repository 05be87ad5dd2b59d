"""The composition root: makes everything from the settings, once, and says who gets what."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final

import structlog
from fastapi import FastAPI
from starlette.responses import Response
from starlette.types import ASGIApp

from app.adapters.altan_pay.client import AltanPay, AltanPayAccount, make_http_client
from app.adapters.database.migrate import migrate
from app.adapters.database.sqlite import SqliteDatabase
from app.adapters.stripe_signature import StripeSignatures
from app.adapters.system import RandomCheckoutIds, SystemClock
from app.domain.events import EventFilter
from app.domain.redirects import RedirectPolicy
from app.observability.logs import configure_logging
from app.observability.metrics import METRICS_MEDIA_TYPE, Metrics
from app.observability.upstream import MeasuredPaymentPages
from app.observability.watch import Watch
from app.observability.webhooks import WebhookReport
from app.settings import LogFormat, Settings
from app.usecases.inbox import Inbox
from app.usecases.read_payment import ReadPayment
from app.usecases.record_events import RecordEvents
from app.usecases.start_checkout import StartCheckout
from app.web.application import Application, Endpoints
from app.web.checkout import CheckoutEndpoint
from app.web.health import Readiness
from app.web.pages import Pages
from app.web.problems import Problems
from app.web.status import StatusEndpoint
from app.web.webhooks import WebhookEndpoint

VERSION: Final = version("altan-checkout")

_log = structlog.get_logger()


def prepare(settings: Settings) -> None:
    """What must be true before serving: logging set up, the schema as this code expects it.

    Raises:
        MigrationError: the database cannot be used.
    """
    configure_logging(level=settings.log_level, for_people=settings.log_format is LogFormat.CONSOLE)
    migrate(settings.database_path)


def create_app(settings: Settings) -> ASGIApp:
    """The whole service. The database's schema must be up to date: see `prepare`."""
    clock = SystemClock()
    metrics = Metrics()
    database = SqliteDatabase(settings.database_path)
    http_client = make_http_client(version=VERSION)
    problems = Problems(Pages(shop_url=settings.app_url))
    altan_pay = AltanPay(
        AltanPayAccount(
            url=settings.altan_pay_url,
            account_id=settings.altan_account_id,
            stripe_connect_id=settings.altan_stripe_connect_id,
        ),
        client=http_client,
        deadline_s=settings.altan_pay_timeout_s,
        allowed_hosts=frozenset(settings.checkout_url_hosts),
    )

    async def can_commit() -> None:
        await database.beat(clock.now_ms())

    endpoints = Endpoints(
        checkout=CheckoutEndpoint(
            start_checkout=StartCheckout(
                redirects=_redirects(settings),
                payment_pages=MeasuredPaymentPages(altan_pay, metrics),
                database=database,
                clock=clock,
                ids=RandomCheckoutIds(),
            ),
            quantity_max=settings.max_quantity,
            enforced_origins=settings.shop_origins if settings.allowed_origins else None,
        ),
        webhooks=WebhookEndpoint(
            signatures=StripeSignatures(
                [secret.get_secret_value() for secret in settings.stripe_webhook_secrets],
                tolerance_s=settings.stripe_webhook_tolerance_s,
                clock=clock,
            ),
            event_filter=EventFilter(settings.altan_stripe_connect_id, settings.stripe_livemode),
            inbox=Inbox(RecordEvents(database=database, clock=clock)),
            problems=problems,
            report=WebhookReport(metrics),
        ),
        status=StatusEndpoint(ReadPayment(database=database)),
        ready=Readiness({"database": can_commit}),
        metrics=lambda: Response(metrics.exposition(), media_type=METRICS_MEDIA_TYPE),
        problems=problems,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        gc.freeze()  # what is here now stays: the collector need not look at it under load
        _log.info("started", version=VERSION, sandbox=settings.is_sandbox)
        try:
            yield
        finally:
            await http_client.aclose()
            await database.close()
            _log.info("stopped")

    application = Application(
        endpoints, version=VERSION, cors_origins=settings.shop_origins, lifespan=lifespan
    )
    return Watch(application, metrics)


def _redirects(settings: Settings) -> RedirectPolicy:
    return RedirectPolicy(
        allowed_origins=settings.shop_origins,
        success_url_default=settings.success_url or settings.app_url,
        cancel_url_default=settings.cancel_url or settings.app_url,
    )
