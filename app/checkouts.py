"""Connects what turns a cart into a payment page."""

from typing import Final

from app.adapters.rate_limits import CheckoutLimits, Rates, open_counters
from app.adapters.system import RandomCheckoutIds
from app.domain.checkout.redirects import RedirectPolicy
from app.domain.limits.rate_limits import Rate, parse_rate
from app.observability.alerts import Alerts
from app.payment_pages import open_payment_pages
from app.settings.settings import Settings
from app.shared import Shared
from app.usecases.start_checkout import StartCheckout
from app.usecases.start_checkout_once import StartCheckoutOnce
from app.web.api.checkout import CheckoutEndpoint

LEASE_MARGIN_S: Final = 5.0  # for a key holder's two commits, on top of its upstream deadline


def open_checkouts(shared: Shared, *, version: str) -> CheckoutEndpoint:
    """Return the endpoint for carts, with the limits in front of Altan Pay."""
    settings, lifetime = shared.settings, shared.lifetime
    limits = _limits(settings, shared.alerts)
    lifetime.closes(limits.close)
    start = StartCheckout(
        redirects=RedirectPolicy(
            allowed_origins=settings.shop_origins,
            success_url_default=settings.success_url or settings.app_url,
            cancel_url_default=settings.cancel_url or settings.app_url,
        ),
        catalog=shared.catalog,
        limits=limits,
        payment_pages=open_payment_pages(
            settings, lifetime, shared.metrics, shared.alerts, version=version
        ),
        database=shared.database,
        clock=shared.clock,
        ids=RandomCheckoutIds(),
        on_start=shared.payment_report.started,
    )
    endpoint = CheckoutEndpoint(
        start_checkout=start,
        start_checkout_once=StartCheckoutOnce(
            start=start, lease_s=settings.altan_pay_timeout_s + LEASE_MARGIN_S
        ),
        check_client=limits.check_client,
        is_from_the_shops_server=shared.access.is_from_the_shops_server,
        trusted_proxies=settings.trusted_proxies,
        quantity_max=settings.max_quantity,
        may_pass=settings.altan_pay_pass,
        enforced_origins=settings.shop_origins if settings.allowed_origins else None,
    )
    shared.metrics.show_body_bytes("carts", lambda: endpoint.budget.used)
    return endpoint


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
