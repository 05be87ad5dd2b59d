"""Connects the orders table: put together for the service and for the command."""

from functools import partial
from uuid import uuid4

from app.adapters.http_transport import AiohttpTransport
from app.adapters.orders_table import PostgrestTable
from app.adapters.posts import CheckedResolver
from app.adapters.system import SystemClock
from app.observability.orders_table import OrdersTableReport
from app.settings.settings import Settings
from app.shared import Shared
from app.usecases.keep_orders_table import KeepOrdersTable
from app.usecases.notification_document import documents_of, orders_of


def keep_orders_table(shared: Shared, *, version: str) -> None:
    """Keep the table up to date while the service is running, if there is one."""
    if shared.settings.orders_table_url is None:
        return
    transport = AiohttpTransport(resolver=CheckedResolver())
    shared.lifetime.closes(transport.aclose)
    keep = KeepOrdersTable(
        store=shared.database,
        render=partial(documents_of, shared.database),
        orders_of=partial(orders_of, shared.database),
        report=OrdersTableReport(shared.metrics),
        table=open_orders_table(shared.settings, transport, version=version),
        clock=shared.clock,
        alarm=shared.alerts,
        all_clear=shared.alerts.was_over,
        holder=uuid4().hex,
    )
    shared.changes.reach(lambda _: keep.wake())
    shared.lifetime.runs(keep.run)


def open_orders_table(
    settings: Settings, transport: AiohttpTransport, *, version: str
) -> PostgrestTable:
    """Return the table in the settings, which must contain one."""
    url, key = settings.orders_table_url, settings.orders_table_key
    assert url is not None  # noqa: S101 its caller has looked
    assert key is not None  # noqa: S101 the settings require both
    return PostgrestTable(
        url.get_secret_value(),
        key=key.get_secret_value(),
        transport=transport,
        clock=SystemClock(),
        version=version,
    )
