"""Lets only signed-in operators in: to pages with their cookie, to acts with a form's token too."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from app.domain.errors import CheckoutError, NotFoundError
from app.web.console.forms import Forms
from app.web.console.frame import Frame, SignIn
from app.web.console.sessions import SESSION_S, Session, Sessions
from app.web.console.visit import Visit, place_of, see_other
from app.web.errors import ForbiddenError, FormRefusedError, UnauthorizedError
from app.web.http.bearer import Access, Role
from app.web.http.client_address import Network, came_by_tls
from app.web.problems import error_headers
from app.web.routes import undescribed
from app.web.statuses import status_of

COOKIE: Final = "altan_checkout_console"
FORM_TOKEN: Final = "form_token"  # noqa: S105 the field's name
HOME: Final = "/console"

Show = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Makes routes of pages and acts, and lets operators sign in and out."""

    access: Access
    sessions: Sessions
    frame: Frame
    forms: Forms
    trusted_proxies: Sequence[Network]

    def page(self, path: str, show: Show) -> APIRoute:
        """Return the route of a page."""

        async def answer(request: Request) -> Response:
            return await self._answer(request, show)

        return undescribed(path, answer, "GET", "HEAD")

    def act(self, path: str, do: Show) -> APIRoute:
        """Return the route of an act."""

        async def do_if_allowed(visit: Visit) -> Response:
            form = await self.forms.read(visit.request)
            if not self.sessions.is_form_token(visit.session, form.get(FORM_TOKEN, "")):
                raise FormRefusedError("This form is not of your session. Go back, and reload it.")
            return await do(Visit(visit.request, visit.session, form))

        async def answer(request: Request) -> Response:
            return await self._answer(request, do_if_allowed)

        return undescribed(path, answer, "POST")

    def signing(self) -> Sequence[APIRoute]:
        """Return the routes to sign in and out."""
        return [
            undescribed("/console/sign-in", self._sign_in, "POST"),
            undescribed("/console/sign-in", self._home, "GET", "HEAD"),
            self.act("/console/sign-out", self._sign_out),
        ]

    def rest(self) -> APIRoute:
        """Return the route of all other addresses below the console's; it must be the last."""

        async def answer(request: Request) -> Response:
            if request.path_params["rest"] == "":
                return see_other(request)
            return self.frame.problem(
                request, NotFoundError("There is no such page."), self._session(request)
            )

        path = "/console/{rest:path}"
        return undescribed(path, answer, "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

    def _session(self, request: Request) -> Session | None:
        return self.sessions.read(request.cookies.get(COOKIE, ""))

    async def _answer(self, request: Request, show: Show) -> Response:
        session = self._session(request)
        if session is None:
            return self._ask(request)
        try:
            return await show(Visit(request, session))
        except CheckoutError as error:
            return self.frame.problem(request, error, session)

    def _ask(self, request: Request) -> Response:
        """Show the sign-in page in place of what was asked for."""
        if request.scope["path"] == HOME:
            return self.frame.sign_in(request, SignIn(), _come_again(request))
        if request.method == "POST":
            message = "You are not signed in, so nothing was done. Sign in, then do it again."
            return self.frame.sign_in(request, SignIn(status=401, message=message), _BEARER)
        query = request.scope["query_string"].decode("latin-1")
        place = request.scope["path"].removeprefix(f"{HOME}/") + (f"?{query}" if query else "")
        shown = SignIn(status=401, message="Sign in to see this page.", place=place_of(place))
        return self.frame.sign_in(request, shown, _BEARER | _come_again(request))

    async def _sign_in(self, request: Request) -> Response:
        place = ""
        try:
            form = await self.forms.read(request)
            place = place_of(form.get("place", ""))
            token = form.get("token", "").strip()
            if not token:
                raise UnauthorizedError("There is no token in the form.")  # no guess
            self.access.require_token(Role.OPERATOR, token, request.scope)
        except CheckoutError as error:
            status = status_of(type(error))
            shown = SignIn(status=status, message=_why_not(error), place=place)
            return self.frame.sign_in(request, shown, error_headers(error, status))
        answer = see_other(request, place)
        self._set_cookie(request, answer, self.sessions.begin(), SESSION_S)
        return answer

    async def _home(self, request: Request) -> Response:
        """Lead on who loads the address of a refused sign-in again."""
        return see_other(request)

    async def _sign_out(self, visit: Visit) -> Response:
        answer = see_other(visit.request)
        self._set_cookie(visit.request, answer, "", 0)
        return answer

    def _set_cookie(self, request: Request, answer: Response, value: str, age_s: int) -> None:
        """Set the cookie without a path, so that browsers derive it from the address they see.

        Below a proxy's path, we do not know that path.
        """
        attributes = [f"{COOKIE}={value}", f"Max-Age={age_s}", "HttpOnly", "SameSite=Strict"]
        if came_by_tls(request.scope, self.trusted_proxies):
            attributes.append("Secure")
        answer.headers["Set-Cookie"] = "; ".join(attributes)


_BEARER: Final = {"WWW-Authenticate": "Bearer"}


def _come_again(request: Request) -> dict[str, str]:
    """Let a browser that follows another site's link ask again, as from our own page.

    It does not send a SameSite=Strict cookie along with the link, but with the second request, for
    which Sec-Fetch-Site is no longer `cross-site`.
    """
    is_linked = request.headers.get("sec-fetch-site") in ("cross-site", "same-site")
    return {"Refresh": "0"} if is_linked else {}


def _why_not(error: CheckoutError) -> str:
    if isinstance(error, UnauthorizedError):
        return "That is not the token in ADMIN_API_TOKEN."
    if isinstance(error, ForbiddenError) and not isinstance(error, FormRefusedError):
        return "That is one of API_TOKENS. The console needs the token in ADMIN_API_TOKEN."
    return error.detail
