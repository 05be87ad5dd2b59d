"""Renders the console's pages: templates, headers, and text from others made harmless."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from babel import Locale
from babel.dates import format_datetime
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.domain.errors import CheckoutError
from app.domain.money import Money
from app.domain.printable import printable
from app.web.console.notices import notice_in
from app.web.console.sessions import Session, Sessions
from app.web.console.visit import HEADERS, Visit, base_of
from app.web.pages.amounts import amount_text
from app.web.pages.pages import TEMPLATES, make_environment, policy
from app.web.problems import error_headers
from app.web.statuses import status_of

_ENGLISH: Final = Locale("en")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """What the sign-in page shows: why it is there, and which page comes after it."""

    status: int = 200
    message: str = ""
    place: str = ""


class Frame:
    """The frame of every page of one service. `version` is the program's."""

    def __init__(self, sessions: Sessions, *, shop_name: str, version: str) -> None:
        self._sessions = sessions
        self._style = (TEMPLATES / "console" / "console.css").read_text()
        environment = make_environment()
        environment.trim_blocks = environment.lstrip_blocks = True
        environment.finalize = _harmless
        environment.filters |= {
            "time": time_text,
            "moment": moment_text,
            "words": words,
            "money": money_text,
        }
        environment.globals |= {
            "shop_name": shop_name,
            "version": version,
            "style": Markup(self._style),  # noqa: S704 our own file
        }
        self._environment = environment

    def page(self, visit: Visit, template: str, values: Mapping[str, Any]) -> Response:
        """Return a page for a signed-in operator."""
        return self._answer(visit.request, template, values, session=visit.session)

    def sign_in(self, request: Request, shown: SignIn, headers: Mapping[str, str]) -> Response:
        """Return the page that asks for the token."""
        values = {"message": shown.message, "place": shown.place}
        return self._answer(request, "sign_in.html", values, status=shown.status, headers=headers)

    def problem(self, request: Request, error: CheckoutError, session: Session | None) -> Response:
        """Return a page that says what went wrong."""
        status = status_of(type(error))
        request.scope["state"]["error"] = error.with_traceback(None)  # for the log line
        return self._answer(
            request,
            "problem.html",
            {"error": error, "request_id": request.scope["state"].get("request_id", "")},
            session=session,
            status=status,
            headers=error_headers(error, status),
        )

    def _answer(  # noqa: PLR0913 all of them are parts of one answer
        self,
        request: Request,
        template: str,
        values: Mapping[str, Any],
        *,
        session: Session | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        html = self._environment.get_template(f"console/{template}").render(
            {
                **values,
                "base": base_of(request),
                "notice": notice_in(request.query_params),
                "form_token": self._sessions.form_token(session) if session else None,
            }
        )
        closed = {"Content-Security-Policy": policy(self._style, forms="'self'")}
        return HTMLResponse(html, status, {**(headers or {}), **HEADERS, **closed})


def time_text(at_ms: int) -> str:
    """Format epoch milliseconds, in UTC; an operator compares them with Stripe's and with logs."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"{format_datetime(at, 'd MMM yyyy, HH:mm:ss', locale=_ENGLISH)} UTC"


def moment_text(moment: str | None) -> str:
    """Format a time of an order's document, which is RFC 3339."""
    return (
        ""
        if moment is None
        else time_text(round(datetime.fromisoformat(moment).timestamp() * 1000))
    )


def money_text(amount_minor: int | None, currency: str | None) -> str:
    """Format an amount with its currency; nothing if it is unknown."""
    if amount_minor is None:
        return ""
    if currency is None:
        return str(amount_minor)
    return amount_text(Money(amount_minor=amount_minor, currency=currency), _ENGLISH)


def words(name: str) -> str:
    """Return a name of ours as words: `partially_refunded` as "partially refunded"."""
    return name.replace("_", " ")


def _harmless(value: object) -> object:
    """Show control and format characters by number: text from others may contain them.

    A name could otherwise turn the text after it around (U+202E), or be no valid UTF-8.
    """
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return printable(str(value)) if is_text else value
