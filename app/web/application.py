"""The routes: which address is answered by what. Everything here was made elsewhere."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.domain.errors import CheckoutError, NotFoundError
from app.web.api import openapi
from app.web.api.checkout import CheckoutEndpoint
from app.web.api.checkout_module import DropIn
from app.web.api.health import Readiness, live
from app.web.api.status import StatusEndpoint
from app.web.api.stream import StatusStreamEndpoint
from app.web.api.webhooks import WEBHOOK_PATHS, WebhookEndpoint
from app.web.errors import InternalError, MethodNotAllowedError, OverloadedError
from app.web.http.body import ClientGoneError
from app.web.http.cors import Cors
from app.web.pages.success_page import SuccessPageEndpoint
from app.web.problems import Problems

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
Lifetime = AsyncIterator[None]

_DESCRIPTION: Final = (
    "A shop's page posts its cart to /checkout and is redirected to the payment page. "
    "Stripe tells /webhooks/stripe what was paid, and /checkout/{id} shows it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Everything that answers."""

    checkout: CheckoutEndpoint
    webhooks: WebhookEndpoint
    status: StatusEndpoint
    status_stream: StatusStreamEndpoint
    success_page: SuccessPageEndpoint
    drop_in: DropIn
    ready: Readiness
    metrics: Callable[[], Response]
    problems: Problems


class Application:
    """The ASGI application: Stripe's webhooks on the straight way, all else through FastAPI."""

    def __init__(
        self,
        endpoints: Endpoints,
        *,
        version: str,
        cors_origins: Collection[str],
        lifespan: Lifespan,
    ) -> None:
        self._webhooks = endpoints.webhooks
        self._problems = endpoints.problems
        # Around FastAPI, not within: a page must be able to read of our defects, too.
        self._rest: ASGIApp = Cors(_make_fastapi(endpoints, version, lifespan), cors_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] == "http" and scope["state"].get("overloaded"):
            error = OverloadedError("Too many connections are open. Please try again.")
            await self._problems.answer(error, scope)(scope, receive, send)
        elif scope["type"] == "http" and scope["path"] in WEBHOOK_PATHS:
            await self._webhooks(scope, receive, send)
        else:
            await self._rest(scope, receive, send)


def _make_fastapi(endpoints: Endpoints, version: str, lifespan: Lifespan) -> FastAPI:
    app = FastAPI(
        title="altan-checkout",
        version=version,
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        servers=[{"url": "."}],  # wherever this document was found, also below a proxy's path
    )
    _add_docs(app)
    _add_routes(app, endpoints)
    _add_drop_in(app, endpoints.drop_in)
    _add_error_answers(app, endpoints.problems)
    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]
    return app


def _add_docs(app: FastAPI) -> None:
    """As FastAPI does, but with a relative address of the document."""

    async def docs(_: Request) -> Response:
        return get_swagger_ui_html(openapi_url="openapi.json", title=f"{app.title} - Swagger UI")

    app.add_route("/docs", docs, include_in_schema=False)


def _add_routes(app: FastAPI, endpoints: Endpoints) -> None:
    async def checkout(request: Request) -> Response:
        """Turn a cart into a payment page, and redirect the buyer there."""
        return await endpoints.checkout(request)

    async def payment_status(request: Request) -> Response:
        """Tell what became of a checkout."""
        return await endpoints.status(request)

    async def payment_stream(request: Request) -> Response:
        """Tell what became of a checkout, and go on telling."""
        return await endpoints.status_stream(request)

    async def health_live(request: Request) -> Response:
        """Say that the process runs."""
        return await live(request)

    async def health_ready(request: Request) -> Response:
        """Say whether a payment could be recorded now."""
        return await endpoints.ready(request)

    async def metrics(_: Request) -> Response:
        """Show the metrics, in Prometheus' text format."""
        return endpoints.metrics()

    app.post(
        "/checkout",
        openapi_extra=openapi.checkout_operation(quantity_max=endpoints.checkout.quantity_max),
    )(checkout)
    _add_success_page(app, endpoints.success_page)  # before {id}, which would match its addresses
    app.get("/checkout/{id}", openapi_extra=openapi.STATUS)(payment_status)
    app.get("/checkout/{id}/events", openapi_extra=openapi.STATUS_STREAM)(payment_stream)
    for path, endpoint, responses in (
        ("/health/live", health_live, openapi.HEALTH),
        ("/health/ready", health_ready, openapi.READY),
        ("/metrics", metrics, openapi.METRICS),
    ):
        app.get(path, openapi_extra={"responses": responses})(endpoint)
        app.add_route(path, endpoint, methods=["HEAD"], include_in_schema=False)


def _add_success_page(app: FastAPI, page: SuccessPageEndpoint) -> None:
    async def success_page(request: Request) -> Response:
        """Show a buyer what became of a checkout."""
        return await page(request)

    async def success_page_entry(request: Request) -> Response:
        """Lead a buyer who comes back from the payment page to the success page."""
        return await page.enter(request)

    async def success_page_script(request: Request) -> Response:
        return await page.script(request)

    app.get("/checkout/page", openapi_extra=openapi.SUCCESS_PAGE_ENTRY)(success_page_entry)
    app.add_route("/checkout/page.js", success_page_script, include_in_schema=False)
    app.get("/checkout/{id}/page", openapi_extra=openapi.SUCCESS_PAGE)(success_page)


def _add_drop_in(app: FastAPI, drop_in: DropIn) -> None:
    for path, endpoint, operation in (
        ("/checkout.js", drop_in.latest, openapi.DROP_IN),
        ("/checkout.{hash}.js", drop_in.pinned, openapi.DROP_IN_PINNED),
        ("/checkout.d.ts", drop_in.types, openapi.DROP_IN_TYPES),
    ):
        app.get(path, openapi_extra=operation)(endpoint)
        app.add_route(path, endpoint, methods=["HEAD"], include_in_schema=False)


def _add_error_answers(app: FastAPI, problems: Problems) -> None:
    async def checkout_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, CheckoutError)  # noqa: S101 registered for it alone
        return problems.answer(error, request.scope)

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 registered for it alone
        return problems.answer(_from_routing(error), request.scope)

    async def client_gone(_: Request, __: Exception) -> Response:
        return Response(status_code=400)  # nobody is there to read it

    async def defect(request: Request, _: Exception) -> Response:
        return problems.answer(InternalError(), request.scope)

    app.add_exception_handler(CheckoutError, checkout_error)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(ClientGoneError, client_gone)
    app.add_exception_handler(Exception, defect)


def _from_routing(error: HTTPException) -> CheckoutError:
    if error.status_code == 405:  # noqa: PLR2004 RFC 9110: the router found path, but not method
        return MethodNotAllowedError((error.headers or {}).get("Allow", "GET"))
    return NotFoundError("There is nothing at this address.")


def _describe(app: FastAPI) -> dict[str, Any]:
    if not app.openapi_schema:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            servers=app.servers,
        )
        schema["paths"]["/webhooks/stripe"] = {"post": openapi.WEBHOOK}
        app.openapi_schema = schema
    return app.openapi_schema
