"""Builds the client for Altan Pay: with metrics, limits, retries and a circuit breaker."""

import structlog

from app.adapters.altan_pay.breaker import CircuitBreaker
from app.adapters.altan_pay.bulkhead import Bulkhead
from app.adapters.altan_pay.client import AltanPay, AltanPayAccount
from app.adapters.altan_pay.retries import Retries
from app.adapters.http_transport import AiohttpTransport
from app.lifetime import Lifetime
from app.observability.alerts import Alerts
from app.observability.metrics import Metrics
from app.observability.upstream import MeasuredPaymentPages
from app.settings.settings import Settings
from app.usecases.ports import AlertName, PaymentPages
from app.web.http.connected import is_connected

_log = structlog.get_logger()


def open_payment_pages(
    settings: Settings, lifetime: Lifetime, metrics: Metrics, alerts: Alerts, *, version: str
) -> PaymentPages:
    """Return the client in the settings, wrapped from the inside out."""
    transport = AiohttpTransport()
    lifetime.closes(transport.aclose)

    def breaker_changed(state: str) -> None:
        metrics.breaker.state(state)
        _log.warning("altan_pay_breaker", state=state)
        if state == "open":
            alerts(AlertName.ALTAN_PAY_DOWN, "Altan Pay is failing; checkouts are paused for 10 s")
        elif state == "closed":
            alerts.over(AlertName.ALTAN_PAY_DOWN, "Altan Pay works again; checkouts continue")

    altan_pay = AltanPay(
        AltanPayAccount(
            url=settings.altan_pay_url,
            account_id=settings.altan_account_id,
            stripe_connect_id=settings.altan_stripe_connect_id,
        ),
        transport=transport,
        version=version,
        allowed_hosts=frozenset(settings.checkout_url_hosts),
        extra=settings.altan_pay_extra,
    )
    measured = MeasuredPaymentPages(altan_pay, metrics, alerts, alerts.over)
    retrying = Retries(
        Bulkhead(measured), deadline_s=settings.altan_pay_timeout_s, still_wanted=is_connected
    )
    return CircuitBreaker(retrying, on_change=breaker_changed)
