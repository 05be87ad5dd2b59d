"""Builds the sandbox: one ASGI app with every route, and one HTTP client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from sandbox.altan_pay.endpoint import AltanPay
from sandbox.altan_pay.faults import FAULTS, Faults
from sandbox.config import SandboxConfig, Waits
from sandbox.control import Control
from sandbox.guard import Guard
from sandbox.pages import HERE, Pages
from sandbox.shop.notifications import PATH as NOTIFICATIONS
from sandbox.shop.notifications import Notifications
from sandbox.shop.order_desk import OrderDesk
from sandbox.shop.products import SHOP_NAME
from sandbox.shop.shop_pages import Shop
from sandbox.stripe.api import COLLECTIONS, StripeApi
from sandbox.stripe.deliveries import Deliveries
from sandbox.stripe.hosted_page import HostedPage
from sandbox.stripe.payments import Payments
from sandbox.stripe.payments_page import PaymentsPage
from sandbox.stripe.sessions import Sessions
from sandbox.stripe.webhook_endpoints import PATH as ENDPOINTS
from sandbox.stripe.webhook_endpoints import WebhookEndpoints

__all__ = ["SandboxConfig", "Waits", "create_sandbox"]

CONNECTIONS_MAX = 50
# Errors under these paths are JSON; everywhere else they are pages.
JSON_PATHS = ("/v1/", "/v2/", "/sandbox/", "/health/")


def create_sandbox(config: SandboxConfig, *, waits: Waits | None = None) -> Starlette:
    """Return the sandbox as an ASGI app, lifespan included."""
    waits = waits or Waits()
    client = _make_client()
    deliveries = Deliveries(
        client=client,
        url=config.webhook_url,
        secret=config.webhook_secret,
        retry_delays_s=config.retry_delays_s,
        attempt_s=waits.attempt_s,
    )
    payments = Payments(sessions=Sessions(), deliveries=deliveries)
    pages = Pages(shop_name=SHOP_NAME)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await deliveries.close()
        await client.aclose()

    async def refuse(request: Request, error: Exception) -> Response:
        return _refuse(request, error, pages)

    return Starlette(
        routes=[
            *_altan_pay_routes(AltanPay(config=config, faults=Faults(waits), payments=payments)),
            *_hosted_page_routes(
                HostedPage(config=config, waits=waits, payments=payments, pages=pages)
            ),
            *_stripe_api_routes(StripeApi(payments), WebhookEndpoints(config.webhook_url)),
            *_control_routes(Control(config=config, waits=waits, payments=payments)),
            *_shop_routes(Shop(config=config, pages=pages, faults=FAULTS)),
            Route("/sandbox/orders", OrderDesk(config=config, client=client, pages=pages).show),
            *_notification_routes(Notifications(config=config, pages=pages, slow_s=waits.slow_s)),
            Route("/sandbox/payments", PaymentsPage(payments=payments, pages=pages).show),
            Route("/health/live", _live),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        middleware=[Middleware(Guard, public_url=config.public_url, refuse=refuse)],
        lifespan=lifespan,
        exception_handlers={HTTPException: refuse},
    )


def _make_client() -> httpx.AsyncClient:
    # If it may keep as many connections as it may open, httpx does not open new ones for each burst
    # (httpcore#1000). No proxy settings: everything that is called runs on this machine.
    limits = httpx.Limits(
        max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX
    )
    return httpx.AsyncClient(limits=limits, trust_env=False, follow_redirects=False)


def _altan_pay_routes(altan_pay: AltanPay) -> list[BaseRoute]:
    path = "/v2/connect/checkout/{account_id}/create_checkout_session"
    return [Route(path, altan_pay.create_checkout_session, methods=["POST"])]


def _hosted_page_routes(page: HostedPage) -> list[BaseRoute]:
    path = "/c/pay/{session_id}"
    return [
        Route(path, page.show),
        Route(f"{path}/webhooks", page.show_webhooks),
        Route(f"{path}/go_back", page.go_back, methods=["POST"]),
        Route(f"{path}/events/{{event_id}}/send", page.send_event, methods=["POST"]),
        Route(f"{path}/events/{{event_id}}/lose", page.lose_event, methods=["POST"]),
        Route(f"{path}/events/{{event_id}}/unmake", page.unmake_event, methods=["POST"]),
        Route(f"{path}/{{act}}", page.act, methods=["POST"]),
        Route(f"{path}/{{act}}", page.return_to_page),
    ]


def _stripe_api_routes(api: StripeApi, endpoints: WebhookEndpoints) -> list[BaseRoute]:
    return [
        Route("/v1/prices/{price_id}", api.read_price),
        *(Route(f"/v1/{each}/{{object_id}}", api.read_object) for each in COLLECTIONS),
        Route(ENDPOINTS, endpoints.list),
        Route(ENDPOINTS, endpoints.create, methods=["POST"]),
        Route("/v1/events", api.list_events),
        Route("/v1/checkout/sessions/{session_id}", api.read_session),
        Route("/v1/checkout/sessions/{session_id}/line_items", api.list_line_items),
    ]


def _control_routes(control: Control) -> list[BaseRoute]:
    return [
        Route("/sandbox/sessions", control.list_sessions),
        Route("/sandbox/sessions/{session_id}", control.read_session),
        Route("/sandbox/sessions/{session_id}/{act}", control.act, methods=["POST"]),
        Route("/sandbox/deliveries", control.list_deliveries),
        Route("/sandbox/deliveries/{event_id}/resend", control.resend, methods=["POST"]),
        Route("/sandbox/deliveries/{event_id}/lose", control.lose, methods=["POST"]),
        Route("/sandbox/deliveries/{event_id}/unmake", control.unmake, methods=["POST"]),
    ]


def _shop_routes(shop: Shop) -> list[BaseRoute]:
    return [
        Route("/", shop.show),
        Route("/sandbox/faults", shop.show_faults),
        Route("/thanks", shop.thank),
    ]


def _notification_routes(notifications: Notifications) -> list[BaseRoute]:
    return [
        Route(NOTIFICATIONS, notifications.show),
        Route(NOTIFICATIONS, notifications.receive, methods=["POST"]),
        Route(f"{NOTIFICATIONS}/tries", notifications.list_tries),
        Route(f"{NOTIFICATIONS}/mood", notifications.change_mood, methods=["POST"]),
    ]


async def _live(_request: Request) -> Response:
    return JSONResponse({"status": "live"})


def _refuse(request: Request, error: Exception, pages: Pages) -> Response:
    """Answer an HTTPException with JSON or a page, depending on the path."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    status_code, detail = error.status_code, error.detail
    if request.url.path.startswith(JSON_PATHS):
        content = {"error": {"type": "invalid_request_error", "message": detail}}
        return JSONResponse(content, status_code=status_code, headers=error.headers)
    page = pages.render("refused.html", status_code=status_code, detail=detail)
    page.headers.update(error.headers or {})
    return page
