"""What most endpoints and jobs share; the composition root creates it once."""

from collections.abc import Callable
from dataclasses import dataclass

from app.databases import AnyDatabase
from app.domain.checkout.catalog import Catalog
from app.lifetime import Lifetime
from app.observability.alerts import Alerts
from app.observability.metrics import Metrics
from app.observability.payments import PaymentReport
from app.settings.settings import Settings
from app.usecases.changes import Changes
from app.usecases.payment_feed import PaymentFeed
from app.usecases.ports import Clock
from app.usecases.read_payment import ReadPayment
from app.web.http.bearer import Access
from app.web.pages.shop_html import ShopHtml
from app.web.problems import Problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The settings, and the objects created from them."""

    settings: Settings
    clock: Clock
    metrics: Metrics
    lifetime: Lifetime
    alerts: Alerts
    database: AnyDatabase
    read_payment: ReadPayment
    feed: PaymentFeed
    changes: Changes
    payment_report: PaymentReport
    problems: Problems
    access: Access
    catalog: Callable[[], Catalog | None]
    shop_html: ShopHtml
