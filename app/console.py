"""Connects the operators' pages. There are none without ADMIN_API_TOKEN."""

from collections.abc import Sequence

from app.settings.settings import Settings
from app.shared import Shared
from app.usecases.erase_order import EraseOrder
from app.usecases.find_orders import FindOrders
from app.usecases.inspect_events import InspectEvents
from app.usecases.order_history import ReadOrderHistory
from app.usecases.replay_events import ReplayEvents
from app.web.api.health import Readiness
from app.web.api.orders import OrdersEndpoint
from app.web.api.reconcile import ReconcileEndpoint
from app.web.console.console import ConsoleEndpoint
from app.web.console.erase_page import ErasePage
from app.web.console.events_page import EventsPage
from app.web.console.forms import Forms
from app.web.console.frame import Frame
from app.web.console.guard import Guard
from app.web.console.health_page import HealthPage, Setup
from app.web.console.notifications_page import NotificationsPage
from app.web.console.order_page import OrderPage
from app.web.console.orders_page import OrdersPage
from app.web.console.sessions import Sessions


def open_console(  # noqa: PLR0913 each is shared with an endpoint of the API
    shared: Shared,
    *,
    orders: OrdersEndpoint,
    reconciliation: ReconcileEndpoint,
    readiness: Readiness,
    replay: ReplayEvents,
    version: str,
) -> Sequence[ConsoleEndpoint]:
    """Return the console, or nothing."""
    settings, database, clock = shared.settings, shared.database, shared.clock
    if settings.admin_api_token is None:
        return []
    sessions = Sessions(settings.admin_api_token.get_secret_value(), clock)
    frame = Frame(sessions, shop_name=settings.shop_name_shown, version=version)
    inspect = InspectEvents(database=database)
    setup = _setup(settings)
    pages = (
        OrdersPage(
            read_orders=orders.read_orders, find_orders=FindOrders(database=database), frame=frame
        ),
        OrderPage(
            read_orders=orders.read_orders,
            read_history=ReadOrderHistory(database=database, outbox=database),
            see_flag=orders.see_flag,
            has_receiver=setup.receiver is not None,
            frame=frame,
        ),
        ErasePage(
            read_orders=orders.read_orders,
            erase_order=EraseOrder(database=database, clock=clock),
            frame=frame,
        ),
        EventsPage(inspect=inspect, replay=replay, frame=frame),
        NotificationsPage(outbox=database, clock=clock, receiver=setup.receiver, frame=frame),
        HealthPage(
            parts=readiness.parts,
            outbox=database,
            inspect=inspect,
            webhooks=database,
            reconciliation=database,
            check_stripe=reconciliation.run,
            setup=setup,
            clock=clock,
            frame=frame,
        ),
    )
    return [ConsoleEndpoint(_guard(shared, sessions, frame), pages)]


def _guard(shared: Shared, sessions: Sessions, frame: Frame) -> Guard:
    proxies = shared.settings.trusted_proxies
    return Guard(
        access=shared.access,
        sessions=sessions,
        frame=frame,
        forms=Forms(trusted_proxies=proxies),
        trusted_proxies=proxies,
    )


def _setup(settings: Settings) -> Setup:
    modes = {True: "live mode", False: "test mode", None: "live and test mode"}
    return Setup(
        database="SQLite" if settings.postgres_url is None else "PostgreSQL",
        mode=modes[settings.stripe_livemode],
        receiver=settings.notify_host if settings.notify_url else None,
        has_stripe_key=settings.stripe_api_key is not None,
        stripe_check_s=settings.reconcile_every_s,
    )
