"""GET /checkout/{id}: what became of a payment, for whoever holds its unguessable id."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.usecases.ports import PaymentView
from app.usecases.read_payment import ReadPayment


@dataclass(frozen=True, slots=True)
class StatusEndpoint:
    """Shows the latest committed state; `ETag` lets a page ask again for nothing."""

    read_payment: ReadPayment

    async def __call__(self, request: Request) -> Response:
        """Answer one request, or raise a `CheckoutError`."""
        view = await self.read_payment(request.path_params["id"])
        body = _document(view)
        etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        headers = {"Cache-Control": "no-cache", "ETag": etag}
        if _is_known(etag, request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type="application/json")


def _document(view: PaymentView) -> bytes:
    return orjson.dumps(
        {
            "checkout_id": view.checkout_id,
            "session_id": view.session_id,
            "mode": view.mode,
            "status": view.status,
            "amount_total": view.amount_total_minor,
            "currency": view.currency,
            "amount_refunded": view.amount_refunded_minor,
            "paid_at": None if view.paid_at_s is None else _rfc3339(view.paid_at_s * 1000),
            "updated_at": _rfc3339(view.updated_at_ms),
        }
    )


def _rfc3339(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _is_known(etag: str, if_none_match: str) -> bool:
    """RFC 9110, 13.1.2: a list of tags, compared weakly, or `*`."""
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag in tags or "*" in tags
