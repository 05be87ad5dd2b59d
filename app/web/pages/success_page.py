"""GET /checkout/{id}/page: the page that a buyer returns to, for shops without one.

`/checkout/page`, which Stripe sends buyers to, redirects there.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from app.domain.errors import NotFoundError, StorageUnavailableError
from app.domain.ids import CHECKOUT_ID, SESSION_ID
from app.usecases.ports import Clock
from app.usecases.read_payment import ReadPayment
from app.web.openapi import TEXT, Operation, content, header, parameter
from app.web.pages.pages import SECURITY_HEADERS
from app.web.pages.success_html import Refresh, SuccessHtml
from app.web.routes import get_and_head, undescribed

LATE_AFTER_S: Final = 30  # the script's LATE_MS, for a page without script
REFRESH_S: Final = 3
REFRESH_LATE_S: Final = 15

_EPOCH_S: Final = re.compile(r"[0-9]{1,12}", re.ASCII)

_LANGUAGE: Final = parameter("query", "lang", "The page's language; it overrides Accept-Language.")
_SHOW_PAGE: Final = Operation(
    id="showPaymentPage",
    tag="pages",
    summary="Show a payment to the buyer",
    parameters=[
        parameter("path", "id", "The checkout's id, or its Stripe session's cs_… id."),
        _LANGUAGE,
        parameter("header", "Accept-Language", "The page for the buyer."),
    ],
    answers={"200": {"description": "The page.", **content(TEXT, "text/html")}},
    errors=[NotFoundError, StorageUnavailableError],
)
_FIND_PAGE: Final = Operation(
    id="findPaymentPage",
    tag="pages",
    summary="Redirect a buyer to the page of their payment",
    description="For `success_url`. Stripe adds the session's id to the address.",
    parameters=[
        parameter("query", "checkout_id", "The checkout's id; it overrides session_id."),
        parameter("query", "session_id", "The Stripe session's cs_… id."),
        _LANGUAGE,
    ],
    answers={
        "303": {
            "description": "The buyer is redirected to the page.",
            "headers": {
                "Location": header("The page.", {"type": "string", "format": "uri-reference"})
            },
        }
    },
    errors=[NotFoundError],
)


@dataclass(frozen=True, slots=True)
class SuccessPageEndpoint:
    """Shows the latest committed state to the buyer."""

    read_payment: ReadPayment
    html: SuccessHtml
    clock: Clock

    def routes(self) -> Sequence[BaseRoute]:
        """GET and HEAD /checkout/{id}/page, the address that leads there, and the page's script."""
        return [
            *get_and_head("/checkout/{id}/page", self.answer, _SHOW_PAGE),
            *get_and_head("/checkout/page", self.enter, _FIND_PAGE),
            undescribed("/checkout/page.js", self.script, "GET", "HEAD"),
        ]

    async def answer(self, request: Request) -> Response:
        """Answer one request, or raise a `CheckoutError`."""
        public_id: str = request.path_params["id"]
        view = await self.read_payment(public_id)
        speech = self.html.shop_html.speech(request.scope)
        opened_s, is_late = self._opened(request.query_params.get("opened", ""))
        html = self.html.render(
            view,
            speech,
            id_=public_id,
            is_late=is_late,
            refresh=Refresh(
                after_s=REFRESH_LATE_S if is_late else REFRESH_S,
                query=urlencode({**_language_asked(request), "opened": opened_s}),
            ),
        )
        headers = self.html.shop_html.headers(speech, "script-src 'self'", "connect-src 'self'")
        headers |= {"Vary": "Accept-Language", "Cache-Control": "no-store"}
        return HTMLResponse(html, headers=headers)

    async def enter(self, request: Request) -> Response:
        """Redirect a buyer who comes from the payment page to the page of that payment.

        Raises:
            NotFoundError: the address names no payment.
        """
        public_id = _public_id(request)
        query = urlencode(_language_asked(request))
        # Relative, because a proxy may serve the service below a path.
        address = f"{public_id}/page?{query}" if query else f"{public_id}/page"
        return RedirectResponse(address, 303, {"Cache-Control": "no-store", **SECURITY_HEADERS})

    async def script(self, request: Request) -> Response:
        """Return the page's script; browsers cache the URL with its digest permanently."""
        script = self.html.script
        is_exact = request.query_params.get("v") == script.version
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable" if is_exact else "no-cache",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "X-Content-Type-Options": "nosniff",
        }
        return Response(script.text, headers=headers, media_type="text/javascript")

    def _opened(self, text: str) -> tuple[int, bool]:
        """Return when the buyer opened the page, from its own reloads, and if that is long ago."""
        now_s = self.clock.now_ms() // 1000
        opened_s = int(text) if _EPOCH_S.fullmatch(text) else now_s
        return opened_s, now_s - opened_s >= LATE_AFTER_S


def _language_asked(request: Request) -> dict[str, str]:
    language = request.query_params.get("lang")
    return {"lang": language} if language else {}


def _public_id(request: Request) -> str:
    query = request.query_params
    checkout_id, session_id = query.get("checkout_id", ""), query.get("session_id", "")
    if CHECKOUT_ID.fullmatch(checkout_id):
        return checkout_id
    if SESSION_ID.fullmatch(session_id):
        return session_id
    raise NotFoundError("checkout_id or session_id is missing in the URL.")
