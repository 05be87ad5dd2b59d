"""GET /notifications for the shop's own server, and what operators do with notifications."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from app.domain.errors import (
    CursorExpiredError,
    NotFoundError,
)
from app.domain.ids import NOTIFICATION_ID
from app.domain.moments import rfc3339
from app.domain.notifications.types import NotificationType
from app.usecases.notification_feed import NotificationFeed
from app.usecases.outbox import Delivery, Outbox, Position
from app.usecases.ports import Clock
from app.usecases.receiver_state import PauseReason
from app.web.api.json_answer import json_answer
from app.web.api.order_schema import ORDER
from app.web.api.query import LIMIT_MAX, NO_CURSOR, QueryReading, read_limit
from app.web.api.tokens import OPERATOR_REFUSALS, OPERATOR_TOKEN, SHOP_REFUSALS, SHOP_TOKEN
from app.web.errors import InvalidQueryError
from app.web.http.bearer import Access, Role
from app.web.http.connected import while_connected
from app.web.openapi import (
    MOMENT,
    TEXT,
    Operation,
    content,
    object_schema,
    or_null,
    parameter,
)
from app.web.routes import get_and_head, post

LIMIT_DEFAULT: Final = 100
WAIT_MAX_S: Final = 25.0  # proxies commonly give up on an answer after 30 s

_CURSOR: Final = re.compile(r"(0|[1-9][0-9]{0,17})-(0|[1-9][0-9]{0,17})")
_SECONDS: Final = re.compile(r"[0-9]{1,2}(\.[0-9]{1,9})?")
_INVOICE: Final = object_schema(
    "NotificationInvoice",
    {"id": TEXT, "amount_paid": or_null({"type": "integer"}), "currency": or_null(TEXT)},
)
NOTIFICATION: Final = object_schema(
    "Notification",
    {
        "id": TEXT | {"description": "The same in the feed and in the `webhook-id` header."},
        "type": {
            "type": "string",
            "enum": [each.value for each in NotificationType if each.is_public],
        },
        "timestamp": MOMENT | {"description": "When it happened."},
        "data": {
            "allOf": [
                ORDER,
                {"type": "object", "properties": {"invoice": _INVOICE}},
            ],
            "description": "The order as it is now, and the invoice of `subscription.renewed`.",
        },
    },
)
_LIST: Final = Operation(
    id="listNotifications",
    tag="notifications",
    summary="Read notifications",
    description="The oldest first. Ask again with `next_cursor`: nothing is skipped, and with "
    "`wait` nothing comes late.",
    parameters=[
        SHOP_TOKEN,
        parameter(
            "query",
            "cursor",
            "`next_cursor` of the answer before. Without it, from the oldest that is kept.",
        ),
        parameter(
            "query",
            "limit",
            f"How many; {LIMIT_DEFAULT} unless it is given.",
            {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX},
        ),
        parameter(
            "query",
            "wait",
            "Seconds to hold the answer until there is a notification.",
            {"type": "number", "minimum": 0, "maximum": WAIT_MAX_S},
        ),
    ],
    answers={
        "200": {
            "description": "Some notifications, or none.",
            **content(
                object_schema(
                    "Notifications",
                    {
                        "notifications": {"type": "array", "items": NOTIFICATION},
                        "next_cursor": TEXT | {"description": "Where to continue; always set."},
                    },
                )
            ),
        }
    },
    errors=(*SHOP_REFUSALS, CursorExpiredError, InvalidQueryError),
)
_SENDING: Final = object_schema(
    "NotificationSending",
    {
        "paused": {"type": "boolean"},
        "pause_reason": or_null({"type": "string", "enum": [each.value for each in PauseReason]}),
        "paused_at": or_null(MOMENT),
    },
)
_RESENT: Final = object_schema("NotificationResent", {"id": TEXT, "delivery": TEXT})
_RESEND: Final = Operation(
    id="resendNotification",
    tag="notifications",
    summary="Send a notification again",
    description="For operators. It is due now and gets all its tries; its id stays the same.",
    parameters=[OPERATOR_TOKEN, parameter("path", "id", "The notification's id, msg_….")],
    answers={"200": {"description": "It waits to be sent.", **content(_RESENT)}},
    errors=OPERATOR_REFUSALS,
)
_PAUSE: Final = Operation(
    id="pauseNotifications",
    tag="notifications",
    summary="Stop sending notifications",
    description="For operators. New ones wait until sending is resumed; the feed continues.",
    parameters=[OPERATOR_TOKEN],
    answers={"200": {"description": "Sending is paused.", **content(_SENDING)}},
    errors=OPERATOR_REFUSALS,
)
_RESUME: Final = Operation(
    id="resumeNotifications",
    tag="notifications",
    summary="Send notifications again",
    description="For operators. All that waited is due now.",
    parameters=[OPERATOR_TOKEN],
    answers={"200": {"description": "Sending goes on.", **content(_SENDING)}},
    errors=OPERATOR_REFUSALS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationsEndpoint:
    """Shows the feed to those who have a token, and lets operators steer the sending."""

    feed: NotificationFeed
    outbox: Outbox
    clock: Clock
    access: Access

    def routes(self) -> Sequence[BaseRoute]:
        """GET and HEAD /notifications, and the operators' acts."""
        return [
            *get_and_head("/notifications", self.page, _LIST),
            post("/notifications/pause", self.pause, _PAUSE),
            post("/notifications/resume", self.resume, _RESUME),
            post("/notifications/{id}/resend", self.resend, _RESEND),
        ]

    async def page(self, request: Request) -> Response:
        """Answer with the next notifications, or raise a `CheckoutError`."""
        self.access.require(Role.SHOP, request.scope)
        after, limit, wait_s = read_feed_query(request.query_params.multi_items())
        reading = self.feed.page(after, limit=limit, wait_s=wait_s)
        shown, go_on = await while_connected(reading, request.receive) if wait_s else await reading
        return json_answer(
            {
                "notifications": [{"id": id_, **document} for id_, document in shown],
                "next_cursor": f"{go_on.tx}-{go_on.seq}",
            }
        )

    async def resend(self, request: Request) -> Response:
        """Make a notification due, or raise a `CheckoutError`."""
        self.access.require(Role.OPERATOR, request.scope)
        id_: str = request.path_params["id"]
        is_id = NOTIFICATION_ID.fullmatch(id_) is not None
        if not is_id or not await self.outbox.resend_notification(id_, at_ms=self.clock.now_ms()):
            raise NotFoundError("There is no notification with that id.")
        return json_answer({"id": id_, "delivery": Delivery.WAITING})

    async def pause(self, request: Request) -> Response:
        """Stop sending, or raise a `CheckoutError`."""
        self.access.require(Role.OPERATOR, request.scope)
        await self.outbox.pause_notifications(PauseReason.OPERATOR, at_ms=self.clock.now_ms())
        return await self._sending()

    async def resume(self, request: Request) -> Response:
        """Send again, or raise a `CheckoutError`."""
        self.access.require(Role.OPERATOR, request.scope)
        await self.outbox.resume_notifications(at_ms=self.clock.now_ms())
        return await self._sending()

    async def _sending(self) -> Response:
        receiver = await self.outbox.receiver()
        at_ms = receiver.paused_at_ms
        return json_answer(
            {
                "paused": receiver.is_paused,
                "pause_reason": receiver.pause_reason,
                "paused_at": None if at_ms is None else rfc3339(at_ms),
            }
        )


def read_feed_query(
    parameters: Sequence[tuple[str, str]],
) -> tuple[Position | None, int, float]:
    """Where to go on, how many notifications, and how many seconds to wait for one.

    Raises:
        InvalidQueryError: a parameter is unknown, repeated, or wrong.
    """
    reading = QueryReading(parameters)
    after = reading.one("cursor", _position)
    limit = reading.one("limit", read_limit)
    wait_s = reading.one("wait", _wait_s)
    reading.finish()
    return after, LIMIT_DEFAULT if limit is None else limit, wait_s or 0.0


def _position(text: str) -> Position:
    found = _CURSOR.fullmatch(text)
    if not found:
        raise ValueError(NO_CURSOR)
    return Position(int(found[1]), int(found[2]))


def _wait_s(text: str) -> float:
    if not _SECONDS.fullmatch(text) or float(text) > WAIT_MAX_S:
        raise ValueError(f"must be a number of seconds from 0 to {WAIT_MAX_S:.0f}")
    return float(text)
