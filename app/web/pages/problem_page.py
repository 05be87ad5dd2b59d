"""The page for a buyer whose request failed: it looks like the success page, with a way back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.responses import HTMLResponse
from starlette.types import Scope

from app.domain.errors import CheckoutError
from app.web.pages.shop_html import ShopHtml

WAY_BACK: Final = "way_back"  # in the request's state: where its buyer came from, if that is known


@dataclass(frozen=True, slots=True)
class ProblemPages:
    """Renders problem pages of one shop. `shop_url` is the way back where no other is known."""

    html: ShopHtml
    shop_url: str

    def answer(
        self, error: CheckoutError, scope: Scope, *, status: int, headers: Mapping[str, str]
    ) -> HTMLResponse:
        """A page that says what happened in the buyer's words, and the error's own in a fold."""
        speech = self.html.speech(scope)
        state = scope["state"]
        values = {
            "error": error,
            "request_id": state.get("request_id", ""),
            "way_back": state.get(WAY_BACK, self.shop_url),
            "is_starting": scope.get("method") == "POST",
        }
        html = self.html.render("problem.html", speech, values)
        vary = f"{headers['Vary']}, Accept-Language"
        return HTMLResponse(html, status, {**self.html.headers(speech), **headers, "Vary": vary})
