"""Orders: the endpoint that shows them."""

from app.shared import Shared
from app.usecases.read_orders import ReadOrders
from app.usecases.see_flag import SeeFlag
from app.web.api.orders import OrdersEndpoint


def make_orders(shared: Shared) -> OrdersEndpoint:
    """GET /orders and what belongs to it."""
    read_orders = ReadOrders(database=shared.database)
    see_flag = SeeFlag(database=shared.database, read_orders=read_orders, clock=shared.clock)
    return OrdersEndpoint(read_orders=read_orders, see_flag=see_flag, access=shared.access)
