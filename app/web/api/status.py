"""GET /checkout/{id}: a payment's status, for anyone who has its unguessable id."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from app.domain.errors import NotFoundError, StorageUnavailableError
from app.usecases.payment_feed import PaymentFeed
from app.usecases.read_payment import ReadPayment
from app.usecases.records import PaymentView
from app.web.errors import InvalidWaitError
from app.web.http.client_address import Network, client_bucket
from app.web.http.connected import while_connected
from app.web.http.etags import is_known
from app.web.openapi import Operation, content, header, parameter
from app.web.payment_json import PAYMENT, etag_of, status_document
from app.web.routes import get_and_head

_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
WAIT_MAX_S: Final = 60.0  # proxies give up on an answer after about that long
COME_AGAIN_S: Final = 15  # if there is no place to wait: one request, instead of one place

ID: Final = parameter("path", "id", "The checkout's id, or its Stripe session's cs_… id.")
_GET_PAYMENT: Final = Operation(
    id="getPayment",
    tag="payments",
    summary="Read a payment",
    description=(
        "The latest committed state. With `wait` the answer is held until the state differs from "
        "the one in If-None-Match, or changes."
    ),
    parameters=[
        ID,
        parameter(
            "query",
            "wait",
            "Seconds to hold the answer until something changes, 60 at most.",
            {"type": "number", "minimum": 0},
        ),
        parameter("header", "If-None-Match", "The ETag of the state that the caller has."),
    ],
    answers={
        "200": {
            "description": "The payment.",
            "headers": {"ETag": header("The ETag of this state.")},
            **content(PAYMENT),
        },
        "304": {"description": "The payment has not changed."},
    },
    errors=[NotFoundError, InvalidWaitError, StorageUnavailableError],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEndpoint:
    """Returns the latest committed state, with an `ETag` so that polling costs little."""

    read_payment: ReadPayment
    feed: PaymentFeed
    trusted_proxies: tuple[Network, ...] = ()
    wait_max_s: float = WAIT_MAX_S

    def routes(self) -> Sequence[BaseRoute]:
        """GET and HEAD /checkout/{id}."""
        return get_and_head("/checkout/{id}", self.answer, _GET_PAYMENT)

    async def answer(self, request: Request) -> Response:
        """Answer one request, or raise a `CheckoutError`."""
        public_id: str = request.path_params["id"]
        known = request.headers.get("if-none-match", "")
        wait_s = min(_wait_s(request.query_params.get("wait")), self.wait_max_s)
        headers = {"Cache-Control": "no-cache"}
        if wait_s:
            client = client_bucket(request.scope, self.trusted_proxies)
            changed = self._changed(public_id, client, known=known, wait_s=wait_s)
            view, has_place = await while_connected(changed, request.receive)
            if not has_place:
                headers["Retry-After"] = str(COME_AGAIN_S)
        else:
            view = await self.read_payment(public_id)
        body = status_document(view)
        headers["ETag"] = etag_of(body)
        if is_known(headers["ETag"], known):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type="application/json")

    async def _changed(
        self, public_id: str, client: str, *, known: str, wait_s: float
    ) -> tuple[PaymentView, bool]:
        """Return the payment when it differs from the state that the caller has, or changes.

        There is no wait if it differs already, if it is final, or if there is no place to wait.
        The second value says whether the caller had a place until the end.
        """
        async with self.feed.follow(public_id, client) as follower:
            view = follower.shown
            is_behind = bool(known) and not is_known(etag_of(status_document(view)), known)
            if not is_behind and not view.is_final and follower.has_place:
                view = await follower.next(wait_s) or await self.read_payment(public_id)
            return view, follower.has_place


def _wait_s(text: str | None) -> float:
    """Return how long the caller wants to wait, in seconds."""
    if text is None:
        return 0.0
    if not _SECONDS.fullmatch(text):
        raise InvalidWaitError("wait must be a number of seconds, 0 or more, for example 25.")
    return float(text)
