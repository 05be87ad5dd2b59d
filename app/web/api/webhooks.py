"""POST /webhooks/stripe: an event is verified and committed before it is answered with 2xx.

A plain ASGI endpoint that bypasses FastAPI's router, because the router alone would halve the
throughput (docs/decisions/0002).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson
from starlette.datastructures import Headers
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from app.domain.errors import (
    CheckoutError,
    InvalidEventError,
    InvalidJsonError,
    SignatureInvalidError,
    SignatureMissingError,
    StorageUnavailableError,
)
from app.domain.stripe_events.event import EventFilter, IgnoredReason, StripeEvent, read_event
from app.domain.stripe_events.tolerant_json import read_tolerantly
from app.usecases.inbox import Inbox
from app.usecases.ports import SignatureCheck
from app.usecases.record_events import ReceivedEvent, Recorded
from app.usecases.records import WebhookKind
from app.web.errors import (
    BodyTimeoutError,
    BodyTooLargeError,
    InternalError,
    MethodNotAllowedError,
)
from app.web.http.body import BODY_TIMEOUT_S, ClientGoneError, read_body, refuse_declared_too_large
from app.web.http.body_budget import WEBHOOK_BYTES_MAX, BodyLease
from app.web.http.client_address import Network, client_bucket
from app.web.http.shares import Shares
from app.web.openapi import TEXT, Operation, content, object_schema, or_null, parameter
from app.web.problems import Problems
from app.web.routes import StraightRoute

PATH: Final = "/webhooks/stripe"
BODY_BYTES_MAX: Final = 1024 * 1024

# If folding fails, Stripe still gets a 200: the event is stored, and can be replayed from there.
_OUTCOMES: Final = {
    Recorded.RECORDED: "recorded",
    Recorded.FAILED: "recorded",
    Recorded.DUPLICATE: "duplicate",
}
_RECEIPT: Final = object_schema(
    "WebhookReceipt",
    {
        "event_id": TEXT,
        "outcome": {"type": "string", "enum": ["recorded", "duplicate", "ignored"]},
        "reason": or_null({"type": "string", "enum": [reason.value for reason in IgnoredReason]}),
    },
)
_RECEIVE_EVENT: Final = Operation(
    id="receiveStripeEvent",
    tag="webhooks",
    summary="Receive an event from Stripe",
    description="Only for Stripe: the body must be signed with the webhook's secret.",
    parameters=[
        parameter("header", "Stripe-Signature", "Stripe's signature.") | {"required": True},
    ],
    body=content({"type": "object"}),
    answers={
        "200": {
            "description": "The event is on disk, or is not for this service.",
            **content(_RECEIPT),
        }
    },
    errors=[
        SignatureMissingError,
        SignatureInvalidError,
        InvalidJsonError,
        InvalidEventError,
        BodyTimeoutError,
        BodyTooLargeError,
        StorageUnavailableError,
    ],
)

See = Callable[[WebhookKind, str | None, bytes], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEndpoint:
    """Receives Stripe's events. `report` and `see` are called with the outcome of each.

    `see` also gets the body of a refused or ignored event, which anybody may have sent.
    """

    signatures: SignatureCheck
    event_filter: EventFilter
    inbox: Inbox[ReceivedEvent, Recorded]
    problems: Problems
    report: Callable[[str], None]
    see: See
    budget: Shares = field(default_factory=lambda: Shares(WEBHOOK_BYTES_MAX))
    trusted_proxies: tuple[Network, ...] = ()
    body_timeout_s: float = BODY_TIMEOUT_S

    def routes(self) -> Sequence[BaseRoute]:
        """POST /webhooks/stripe, with or without a trailing slash."""
        return [StraightRoute(PATH, self, _RECEIVE_EVENT)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one webhook."""
        scope["state"]["route"] = PATH
        try:
            status, body = 200, await self._take(scope, receive)
        except ClientGoneError:
            return
        except CheckoutError as error:
            self.report(error.code)
            await self.problems.answer(error, scope)(scope, receive, send)
            return
        except Exception:
            self.report(InternalError.code)
            await self.problems.answer(InternalError(), scope)(scope, receive, send)
            raise  # the watch logs it
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"content-length", str(len(body)).encode()),
                ],
            }
        )
        await send({"type": "http.response.body", "body": body})

    async def _take(self, scope: Scope, receive: Receive) -> bytes:
        if scope["method"] != "POST":
            raise MethodNotAllowedError("POST")
        # Before the body: without a usable header, it is not read at all.
        headers = Headers(scope=scope)
        try:
            signature = self.signatures.read_header(_signature_headers(scope))
        except CheckoutError as error:
            await refuse_declared_too_large(receive, headers, BODY_BYTES_MAX)
            self.see(WebhookKind.REFUSED, error.code, b"")
            raise

        def client() -> str:
            return client_bucket(scope, self.trusted_proxies)

        with BodyLease(self.budget, client) as lease:
            body = await read_body(
                receive,
                headers,
                lease=lease,
                body_bytes_max=BODY_BYTES_MAX,
                timeout_s=self.body_timeout_s,
            )
            self._verify(body, signature)
            return await self._record(body)

    async def _record(self, body: bytes) -> bytes:
        event = read_event(_document(body))
        reason = self.event_filter.reason_to_ignore(event)
        if reason is not None:
            self.report(reason)
            self.see(WebhookKind.IGNORED, reason, body)
            return _answer(event, "ignored", reason)
        recorded = await self.inbox.put(ReceivedEvent(event, body))
        self.report(recorded)
        self.see(WebhookKind.TAKEN, None, b"")
        return _answer(event, _OUTCOMES[recorded], None)

    def _verify(self, body: bytes, signature: str) -> None:
        try:
            self.signatures.verify(body, signature)
        except CheckoutError as error:
            self.see(WebhookKind.REFUSED, error.code, body)
            raise


def _signature_headers(scope: Scope) -> list[bytes]:
    return [value for name, value in scope["headers"] if name == b"stripe-signature"]


def _document(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass  # orjson refuses lone surrogates, which JSON allows
    try:
        return read_tolerantly(body)
    except ValueError as error:
        raise InvalidJsonError("The body is signed, but is not JSON.") from error


def _answer(event: StripeEvent, outcome: str, reason: IgnoredReason | None) -> bytes:
    return orjson.dumps({"event_id": event.id, "outcome": outcome, "reason": reason})
