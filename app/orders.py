"""Connects the orders' endpoint, and the alerts about flagged orders."""

from app.shared import Shared
from app.usecases.read_orders import ReadOrders
from app.usecases.remind_disputes import RemindDisputes
from app.usecases.report_flags import ReportFlags
from app.usecases.see_flag import SeeFlag
from app.web.api.orders import OrdersEndpoint


def make_orders(shared: Shared) -> OrdersEndpoint:
    """Return the endpoint of orders; register the jobs that report flags and remind of disputes."""
    memory, clock, alerts = shared.database, shared.clock, shared.alerts
    report_flags = ReportFlags(memory=memory, clock=clock, alarm=alerts, note=alerts.note)
    shared.changes.reach(report_flags.changed)
    shared.lifetime.runs(report_flags.run)
    shared.lifetime.runs(RemindDisputes(memory=memory, clock=clock, alarm=alerts).run)
    read_orders = ReadOrders(database=shared.database, check_flags=report_flags)
    see_flag = SeeFlag(memory=memory, read_orders=read_orders, clock=clock)
    return OrdersEndpoint(read_orders=read_orders, see_flag=see_flag, access=shared.access)
