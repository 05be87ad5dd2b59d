"""Notifications that wait or failed, the receiver's state, and what an operator may do."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from app.domain.errors import NotFoundError
from app.domain.ids import NOTIFICATION_ID
from app.usecases.order_history import with_tries
from app.usecases.outbox import Delivery, NotificationQuery, Outbox
from app.usecases.ports import Clock
from app.usecases.receiver_state import PauseReason
from app.web.console.frame import Frame
from app.web.console.guard import Guard
from app.web.console.visit import Visit, place_of, see_other

PAGE: Final = 50
_ALL: Final = "all"
_SEQ: Final = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationsPage:
    """`/console/notifications`: the failed ones, or others. `receiver` is its host, if any.

    Without a choice, it shows the waiting ones if none has failed.
    """

    outbox: Outbox
    clock: Clock
    receiver: str | None
    frame: Frame

    def routes(self, guard: Guard) -> Sequence[BaseRoute]:
        """The list, and the acts."""
        path = "/console/notifications"
        return [
            guard.page(path, self.show),
            guard.act(f"{path}/pause", self.pause),
            guard.act(f"{path}/resume", self.resume),
            guard.act(f"{path}/{{id}}/resend", self.resend),
        ]

    async def show(self, visit: Visit) -> Response:
        """Return a page of notifications, the latest first, or raise a `CheckoutError`."""
        query = visit.request.query_params
        asked, before = query.get("state", ""), query.get("before", "")
        backlog = await self.outbox.backlog()
        first = Delivery.WAITING if backlog.waiting and not backlog.failed else Delivery.FAILED
        delivery = Delivery(asked) if asked in [*Delivery] else first
        wanted = NotificationQuery(
            delivery=None if asked == _ALL else delivery,
            before_seq=int(before) if _SEQ.fullmatch(before) else None,
            limit=PAGE + 1,
        )
        found = await self.outbox.list_notifications(wanted)
        values = {
            "notifications": await with_tries(self.outbox, found[:PAGE]),
            "before": found[PAGE - 1].position.seq if len(found) > PAGE else None,
            "states": [Delivery.FAILED, Delivery.WAITING, Delivery.TAKEN, _ALL],
            "state": wanted.delivery or _ALL,
            "sending": await self.outbox.receiver(),
            "backlog": backlog,
            "receiver": self.receiver,
        }
        return self.frame.page(visit, "notifications.html", values)

    async def resend(self, visit: Visit) -> Response:
        """Make a notification due, or raise a `CheckoutError`."""
        id_: str = visit.request.path_params["id"]
        is_id = NOTIFICATION_ID.fullmatch(id_) is not None
        if not is_id or not await self.outbox.resend_notification(id_, at_ms=self.clock.now_ms()):
            raise NotFoundError("There is no notification with that id.")
        place = place_of(visit.form.get("place", "")) or "notifications"
        return see_other(visit.request, place, done="resent")

    async def pause(self, visit: Visit) -> Response:
        """Stop sending, or raise a `CheckoutError`."""
        await self.outbox.pause_notifications(PauseReason.OPERATOR, at_ms=self.clock.now_ms())
        return see_other(visit.request, "notifications", done="paused")

    async def resume(self, visit: Visit) -> Response:
        """Send again, or raise a `CheckoutError`."""
        await self.outbox.resume_notifications(at_ms=self.clock.now_ms())
        return see_other(visit.request, "notifications", done="resumed")
