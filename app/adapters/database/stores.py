"""Everything that both databases implement in the same way, with their own `read` and `write`."""

from app.adapters.database.feed import KeepsFeed
from app.adapters.database.flags import KeepsFlags
from app.adapters.database.orders import KeepsOrders
from app.adapters.database.orders_table import KeepsTable
from app.adapters.database.outbox import KeepsOutbox
from app.adapters.database.pruning import KeepsBodies
from app.adapters.database.reconciliation import KeepsReconciliation
from app.adapters.database.single_acts import SingleActs


class Stores(
    SingleActs,
    KeepsOrders,
    KeepsFlags,
    KeepsOutbox,
    KeepsFeed,
    KeepsReconciliation,
    KeepsTable,
    KeepsBodies,
):
    """The ports of the use cases, on any database."""
