"""Connects the sending of notifications: receiver, metrics and monitoring."""

from collections.abc import Sequence
from functools import partial

from app.adapters.http_transport import AiohttpTransport
from app.adapters.posts import CheckedResolver, Posts
from app.adapters.receiver import Receiver
from app.adapters.system import SystemClock
from app.domain.notifications.signatures import read_key
from app.observability.notifications import NotificationReport
from app.settings.settings import Settings
from app.shared import Shared
from app.usecases.notification_document import documents_of
from app.usecases.send_notifications import SendNotifications
from app.usecases.watch_receiver import WatchReceiver


def start_notifying(shared: Shared, *, version: str) -> None:
    """Send notifications while the service is running, if there is a receiver."""
    if shared.settings.notify_url is None:
        return
    transport = AiohttpTransport(resolver=CheckedResolver())
    shared.lifetime.closes(transport.aclose)
    report = NotificationReport(shared.metrics, shared.alerts, shared.clock)
    sender = SendNotifications(
        outbox=shared.database,
        render=partial(documents_of, shared.database),
        receiver=open_receiver(shared.settings, transport, version=version),
        clock=shared.clock,
        report=report,
    )
    watch = WatchReceiver(
        outbox=shared.database,
        clock=shared.clock,
        alarm=shared.alerts,
        all_clear=shared.alerts.over,
        show=shared.alerts.show,
        on_backlog=report.backlog,
    )
    shared.changes.reach(lambda payments: sender.wake(len(payments)))
    shared.lifetime.runs(sender.run)
    shared.lifetime.stops(sender.stop)
    shared.lifetime.runs(watch.run)


def open_receiver(settings: Settings, transport: AiohttpTransport, *, version: str) -> Receiver:
    """Return the receiver in the settings, which must contain one."""
    assert settings.notify_url is not None  # noqa: S101 its caller has looked
    header = settings.notify_auth_header
    return receiver_at(
        settings.notify_url.get_secret_value(),
        transport,
        secrets=[secret.get_secret_value() for secret in settings.notify_secrets],
        auth_header=header.get_secret_value() if header else None,
        version=version,
    )


def receiver_at(
    url: str,
    transport: AiohttpTransport,
    *,
    secrets: Sequence[str],
    auth_header: str | None = None,
    version: str,
) -> Receiver:
    """Return the receiver at this address."""
    clock = SystemClock()
    return Receiver(
        Posts(url, transport=transport, clock=clock),
        keys=[read_key(secret) for secret in secrets],
        auth_header=auth_header,
        clock=clock,
        version=version,
    )
