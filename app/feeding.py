"""The feed of notifications, and what operators do with them: put together."""

from functools import partial

from app.shared import Shared
from app.usecases.notification_document import documents_of
from app.usecases.notification_feed import NotificationFeed
from app.web.api.notifications import NotificationsEndpoint


def open_feed(shared: Shared) -> NotificationsEndpoint:
    """Return the endpoint; its feed is notified of every commit of this process."""
    feed = NotificationFeed(source=shared.database, render=partial(documents_of, shared.database))
    shared.changes.reach(lambda _: feed.changed())
    shared.lifetime.runs(feed.run)
    shared.lifetime.stops(feed.close)
    return NotificationsEndpoint(
        feed=feed, outbox=shared.database, clock=shared.clock, access=shared.access
    )
