"""What `altan-checkout doctor` reports about notifications: the receiver and the orders table."""

from app.commands.doctor_database import has_database, read_database
from app.commands.findings import Finding, Verdict
from app.databases import AnyDatabase
from app.domain.errors import StorageUnavailableError
from app.domain.moments import rfc3339
from app.settings.settings import Settings
from app.usecases.notification_feed import FeedTip
from app.usecases.orders_table import TableState
from app.usecases.receiver_state import ReceiverState


def notifications_of(settings: Settings, *, is_database_fine: bool) -> Finding:
    """Say what is configured, and when one was last taken; nothing is sent."""
    if settings.notify_host is None:
        message = "off: nothing is posted until NOTIFY_URL is set"
        return Finding("notifications", Verdict.OK, message)
    receiver = ReceiverState()
    if is_database_fine and has_database(settings):
        try:
            receiver = read_database(settings, lambda database: database.receiver())
        except StorageUnavailableError as error:
            message = f"{_configured(settings)}; not known how it goes: {error.detail}"
            return Finding("notifications", Verdict.WARNING, message)
    return judge_receiver(receiver, _configured(settings))


def orders_table_of(settings: Settings, *, is_database_fine: bool) -> Finding:
    """Say where orders are written, and how far that has come; nothing is sent."""
    if settings.orders_table_host is None:
        message = "off: no row is written until ORDERS_TABLE_URL is set"
        return Finding("orders table", Verdict.OK, message)
    configured = f"rows are written to {settings.orders_table_host}"
    if not (is_database_fine and has_database(settings)):
        return Finding("orders table", Verdict.OK, f"{configured}; it has begun with no order")
    try:
        state, tip = read_database(settings, _progress)
    except StorageUnavailableError as error:
        message = f"{configured}; not known how it goes: {error.detail}"
        return Finding("orders table", Verdict.WARNING, message)
    return judge_orders_table(state, tip, configured)


async def _progress(database: AnyDatabase) -> tuple[TableState | None, FeedTip]:
    return await database.table_state(), await database.feed_tip()


def judge_orders_table(state: TableState | None, tip: FeedTip, configured: str) -> Finding:
    """Warn where the table takes nothing, or refuses single orders."""
    if state is None:
        return Finding("orders table", Verdict.OK, f"{configured}; it has begun with no order")
    if state.failing_since_ms is not None:
        since = rfc3339(state.failing_since_ms)
        message = f"{configured}. Failing since {since}: the table last {state.problem}"
        return Finding("orders table", Verdict.WARNING, message)
    if state.refused:
        orders = "1 order" if state.refused == 1 else f"{state.refused} orders"
        where = "docs/operate.md#if-the-orders-table-refuses"
        message = f"{configured}; it refuses {orders}: {where}"
        return Finding("orders table", Verdict.WARNING, message)
    has_all = "it has every change" if state.position >= tip.position else "changes are waiting"
    if tip.is_held_back:
        where = "docs/operate.md#if-the-feed-stands-still"
        has_all = f"later changes wait for a transaction that is open: {where}"
    return Finding("orders table", Verdict.OK, f"{configured}; {has_all}")


def _configured(settings: Settings) -> str:
    count = len(settings.notify_secrets)
    message = f"posted to {settings.notify_host}, signed with {count} secret"
    message += "" if count == 1 else "s"
    if settings.notify_auth_header_name:
        message += f", with the header {settings.notify_auth_header_name}"
    return message


def judge_receiver(receiver: ReceiverState, configured: str) -> Finding:
    """Warn where nothing is sent, or nothing is taken."""
    taken_ms = receiver.last_taken_at_ms
    taken = "none was taken yet" if taken_ms is None else f"last taken {rfc3339(taken_ms)}"
    message = f"{configured}; {taken}"
    if receiver.is_paused:
        return Finding(
            "notifications",
            Verdict.WARNING,
            f"{message}. Paused: docs/alerts.md#notifications_paused",
        )
    if receiver.failing_since_ms is None:
        return Finding("notifications", Verdict.OK, message)
    status = receiver.last_http_status
    answer = "gave no answer" if status is None else f"answered {status}"
    since = rfc3339(receiver.failing_since_ms)
    message += f". Failing since {since}: the receiver last {answer}"
    return Finding("notifications", Verdict.WARNING, message)
