"""Connects reconciliation with Stripe, for the service and for the command."""

from dataclasses import replace
from uuid import uuid4

from app.adapters.http_transport import AiohttpTransport
from app.adapters.stripe_api.client import StripeAccess, StripeClient
from app.adapters.stripe_api.reads import StripeApi
from app.adapters.system import SystemClock
from app.databases import AnyDatabase
from app.domain.stripe_events.event import EventFilter
from app.observability.reconciliation import UnreadReport
from app.settings.settings import Settings
from app.shared import Shared
from app.usecases.keep_reconciled import KeepReconciled
from app.usecases.ports import Alarm
from app.usecases.reconcile import Reconcile
from app.usecases.wake_events import OnChange
from app.web.api.reconcile import ReconcileEndpoint


def open_stripe(settings: Settings, transport: AiohttpTransport, *, version: str) -> StripeApi:
    """Return Stripe's API with the key in the settings, which must be set."""
    assert settings.stripe_api_key is not None  # noqa: S101 the caller has looked
    account = settings.altan_stripe_connect_id if settings.stripe_api_account_header else None
    access = StripeAccess(
        url=settings.stripe_api_url,
        key=settings.stripe_api_key.get_secret_value(),
        account=account,
    )
    return StripeApi(StripeClient(access, transport=transport, version=version))


def make_reconcile(
    settings: Settings, database: AnyDatabase, stripe: StripeApi, alarm: Alarm, on_change: OnChange
) -> Reconcile:
    """Return the use case of one check; its result alone tells of failures."""
    return Reconcile(
        database=database,
        store=database,
        stripe=stripe,
        event_filter=EventFilter(settings.altan_stripe_connect_id, settings.stripe_livemode),
        clock=SystemClock(),
        alarm=alarm,
        on_change=on_change,
    )


def open_reconciliation(shared: Shared, *, version: str) -> ReconcileEndpoint:
    """Register periodic checks if there is a key; return the endpoint that checks now."""
    reconcile = None if shared.settings.stripe_api_key is None else _reconcile(shared, version)
    return ReconcileEndpoint(reconcile=reconcile, clock=shared.clock, access=shared.access)


def _reconcile(shared: Shared, version: str) -> Reconcile:
    settings = shared.settings
    transport = AiohttpTransport()
    shared.lifetime.closes(transport.aclose)
    stripe = open_stripe(settings, transport, version=version)
    quiet = make_reconcile(settings, shared.database, stripe, shared.alerts, shared.changes)
    reconcile = replace(
        quiet, all_clear=shared.alerts.over, on_failures=UnreadReport(shared.metrics)
    )
    if settings.reconcile_every_s is not None:
        keep = KeepReconciled(
            reconcile=reconcile,
            store=shared.database,
            clock=shared.clock,
            alarm=shared.alerts,
            all_clear=shared.alerts.over,
            holder=uuid4().hex,
            every_s=settings.reconcile_every_s,
            on_checked=shared.metrics.show_reconciled_until(),
        )
        shared.lifetime.runs(keep.run)
    return reconcile
