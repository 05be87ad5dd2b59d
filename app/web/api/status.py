"""GET /checkout/{id}: what became of a payment, for whoever holds its unguessable id."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.domain.checkout.cart import Mode
from app.usecases.payment_feed import PaymentFeed
from app.usecases.read_payment import ReadPayment
from app.usecases.records import PaymentView, SubscriptionView
from app.web.errors import InvalidWaitError
from app.web.http.client_address import Network, client_bucket
from app.web.http.connected import while_connected

_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
WAIT_MAX_S: Final = 60.0  # proxies give up on an answer after about that long
COME_AGAIN_S: Final = 15  # where there is no place to wait: one request, instead of one place


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEndpoint:
    """Shows the latest committed state; `ETag` lets a page ask again for nothing."""

    read_payment: ReadPayment
    watch: PaymentFeed
    trusted_proxies: tuple[Network, ...] = ()
    wait_max_s: float = WAIT_MAX_S

    async def __call__(self, request: Request) -> Response:
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
        """The payment once it has changed: since the state that the caller knows, or since now.

        A caller who is behind already, and one whose payment has come to its end, need not wait;
        one without a place may not. The second value says whether there was a place to the end.
        """
        async with self.watch.follow(public_id, client) as follower:
            view = follower.shown
            is_behind = bool(known) and not is_known(etag_of(status_document(view)), known)
            if not is_behind and not view.is_final and follower.has_place:
                view = await follower.next(wait_s) or await self.read_payment(public_id)
            return view, follower.has_place


def status_document(view: PaymentView) -> bytes:
    """The status object, as JSON. Only a subscription's has `subscription`."""
    document: dict[str, object] = {
        "checkout_id": view.checkout_id,
        "session_id": view.session_id,
        "mode": view.mode,
        "status": view.status,
        "amount_total": view.amount_total_minor,
        "currency": view.currency,
        "amount_refunded": view.amount_refunded_minor,
        "paid_at": _rfc3339_of(view.paid_at_s),
        "updated_at": _rfc3339(view.updated_at_ms),
    }
    if view.mode is Mode.SUBSCRIPTION:
        document["subscription"] = _subscription(view.subscription)
    return orjson.dumps(document)


def etag_of(body: bytes) -> str:
    """The tag of a status object."""
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def _subscription(view: SubscriptionView | None) -> dict[str, object] | None:
    if view is None:
        return None
    return {
        "id": view.id,
        "status": view.status,
        "current_period_end": _rfc3339_of(view.current_period_end_s),
        "cancel_at": _rfc3339_of(view.cancel_at_s),
        "cancel_at_period_end": view.cancel_at_period_end,
    }


def _wait_s(text: str | None) -> float:
    """How long the caller would wait."""
    if text is None:
        return 0.0
    if not _SECONDS.fullmatch(text):
        raise InvalidWaitError("wait is a number of seconds, for example 25.")
    return float(text)


def _rfc3339_of(at_s: int | None) -> str | None:
    return None if at_s is None else _rfc3339(at_s * 1000)


def _rfc3339(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_known(etag: str, if_none_match: str) -> bool:
    """RFC 9110, 13.1.2: a list of tags, compared weakly, or `*`."""
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag in tags or "*" in tags
