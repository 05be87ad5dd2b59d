"""Combines the endpoints into the ASGI application. The endpoints are created elsewhere."""

from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from app.domain.errors import CheckoutError, NotFoundError
from app.web.errors import InternalError, MethodNotAllowedError, OverloadedError
from app.web.http.body import ClientGoneError
from app.web.http.cors import Cors
from app.web.openapi import TAGS, Schema, with_components
from app.web.problems import Problems
from app.web.routes import Endpoint, StraightRoute

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

_DESCRIPTION: Final = (
    "A shop's page posts its cart to /checkout and is redirected to the payment page. "
    "Stripe reports payments to /webhooks/stripe, and /checkout/{id} shows them."
)


class Application:
    """The ASGI application: straight routes are called directly, all others through FastAPI."""

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        *,
        problems: Problems,
        version: str,
        cors_origins: Collection[str],
        lifespan: Lifespan,
    ) -> None:
        self._problems = problems
        routes = [route for endpoint in endpoints for route in endpoint.routes()]
        self._straight: dict[str, ASGIApp] = {
            path: route.app
            for route in routes
            if isinstance(route, StraightRoute)
            for path in (route.path, f"{route.path}/")
        }
        fastapi = _make_fastapi(routes, version, lifespan)
        _add_error_answers(fastapi, problems)
        # Outermost, so that 500s carry CORS headers too.
        self._rest: ASGIApp = Cors(fastapi, cors_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] == "http" and scope["state"].get("overloaded"):
            error = OverloadedError("Too many connections are open. Please try again.")
            await self._problems.answer(error, scope)(scope, receive, send)
        elif scope["type"] == "http" and (straight := self._straight.get(scope["path"])):
            await straight(scope, receive, send)
        else:
            await self._rest(scope, receive, send)


def _make_fastapi(routes: Iterable[BaseRoute], version: str, lifespan: Lifespan) -> FastAPI:
    app = FastAPI(
        title="altan-checkout",
        version=version,
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        servers=[{"url": "."}],  # relative to this document, also below a proxy's path
        openapi_tags=[
            {"name": name, "description": description} for name, description in TAGS.items()
        ],
    )
    # The first that matches answers, so /checkout/page has to come before /checkout/{id}.
    app.router.routes.extend(sorted(routes, key=_has_parameters))
    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]
    return app


def _has_parameters(route: BaseRoute) -> bool:
    return "{" in str(getattr(route, "path", ""))


def _add_error_answers(app: FastAPI, problems: Problems) -> None:
    async def checkout_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, CheckoutError)  # noqa: S101 registered for it alone
        return problems.answer(error, request.scope)

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 registered for it alone
        return problems.answer(_from_routing(error), request.scope)

    async def client_gone(_: Request, __: Exception) -> Response:
        return Response(status_code=400)  # nobody is connected any more

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


def _describe(app: FastAPI) -> Schema:
    if not app.openapi_schema:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            servers=app.servers,
            tags=app.openapi_tags,
        )
        app.openapi_schema = with_components(schema)
    return app.openapi_schema
