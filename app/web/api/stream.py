"""GET /checkout/{id}/events: the status object as server-sent events, at once and on each change.

WHATWG HTML, 9.2: `retry` is the delay before a browser reconnects, the browser sends `id` back as
Last-Event-ID, and 204 tells it not to reconnect. If there is no place for a stream, it sends the
current state and a longer `retry`, and ends; the browser then reconnects automatically.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from app.domain.errors import NotFoundError, StorageUnavailableError
from app.usecases.payment_feed import Follower, PaymentFeed
from app.usecases.records import PaymentView
from app.web.api.status import COME_AGAIN_S, ID
from app.web.http.body import ClientGoneError
from app.web.http.client_address import Network, client_bucket
from app.web.http.connected import while_connected
from app.web.openapi import Operation, content, parameter
from app.web.payment_json import etag_of, status_document
from app.web.routes import get

COMMENT_EVERY_S: Final = 15.0  # below the idle timeouts of proxies, which start at 30 s
RETRY_MS: Final = 1000
OPEN_MAX_S: Final = 3600.0  # then the browser reconnects, perhaps to another replica

_HEADERS: Final = {
    "Cache-Control": "no-store, no-transform",  # no-transform: a proxy that compresses would buffer
    "X-Accel-Buffering": "no",  # nginx
}
_RETRY: Final = f"retry: {RETRY_MS}\n\n".encode()
_RETRY_LATER: Final = f"retry: {COME_AGAIN_S * 1000}\n\n".encode()
_COMMENT: Final = b": still here\n\n"

_STREAM_PAYMENT: Final = Operation(
    id="streamPayment",
    tag="payments",
    summary="Follow a payment",
    description=(
        "Server-sent events named `status`: the payment at once, and again on each change. The "
        "data of each is the same as the answer of getPayment."
    ),
    parameters=[
        ID,
        parameter("header", "Last-Event-ID", "The last event that the caller received."),
    ],
    answers={
        # OpenAPI 3.1 cannot describe the events of a stream.
        "200": {
            "description": "Events named `status`; each event's data is the Payment as JSON.",
            **content({}, "text/event-stream"),
        },
        "204": {"description": "Nothing more can happen, and the caller has the last event."},
    },
    errors=[NotFoundError, StorageUnavailableError],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusStreamEndpoint:
    """Streams until nothing more can happen, the client leaves, or the process ends."""

    feed: PaymentFeed
    trusted_proxies: tuple[Network, ...] = ()
    comment_every_s: float = COMMENT_EVERY_S
    open_max_s: float = OPEN_MAX_S

    def routes(self) -> Sequence[BaseRoute]:
        """GET /checkout/{id}/events."""
        return [get("/checkout/{id}/events", self.answer, _STREAM_PAYMENT)]

    async def answer(self, request: Request) -> Response:
        """Answer one request, or raise a `CheckoutError`."""
        stack = AsyncExitStack()
        client = client_bucket(request.scope, self.trusted_proxies)
        following = self.feed.follow(request.path_params["id"], client)
        follower = await stack.enter_async_context(following)
        if _has_seen_the_end(request, follower.shown):
            await stack.aclose()
            return Response(status_code=204, headers=_HEADERS)
        return _Stream(self._messages(follower), stack)

    async def _messages(self, follower: Follower) -> AsyncIterator[bytes]:
        ends_at_s = time.monotonic() + self.open_max_s
        view: PaymentView | None = follower.shown
        yield _RETRY if follower.has_place else _RETRY_LATER
        while time.monotonic() < ends_at_s:
            yield _message(view) if view else _COMMENT
            if follower.shown.is_final:
                break
            view = await follower.next(self.comment_every_s)
            if view is None and (self.feed.is_closed or not follower.has_place):
                break
        yield _RETRY if follower.has_place or follower.shown.is_final else _RETRY_LATER


class _Stream(StreamingResponse):
    """Frees the place even if the generator was never started."""

    def __init__(self, messages: AsyncIterator[bytes], stack: AsyncExitStack) -> None:
        super().__init__(messages, headers=_HEADERS, media_type="text/event-stream")
        self._stack = stack

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Send until the end. Starlette's own method would notice a disconnect too late."""
        async with self._stack:
            with contextlib.suppress(ClientGoneError):
                await while_connected(self.stream_response(send), receive)


def _message(view: PaymentView) -> bytes:
    """Format one event; JSON contains no line break, so it is one line of data."""
    body = status_document(view)
    return b"event: status\nid: " + etag_of(body).strip('"').encode() + b"\ndata: " + body + b"\n\n"


def _has_seen_the_end(request: Request, view: PaymentView) -> bool:
    tag = etag_of(status_document(view)).strip('"')
    return view.is_final and request.headers.get("last-event-id") == tag
