"""The page for a buyer whose request failed: in the success page's style, with a link back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.responses import HTMLResponse
from starlette.types import Scope

from app.domain.errors import CheckoutError
from app.web.pages.shop_html import ShopHtml

WAY_BACK: Final = "way_back"  # in the request's state: where the buyer came from, if known


@dataclass(frozen=True, slots=True)
class ProblemPages:
    """Renders one shop's problem pages. `shop_url` is the default link back."""

    html: ShopHtml
    shop_url: str

    def answer(
        self, error: CheckoutError, scope: Scope, *, status: int, headers: Mapping[str, str]
    ) -> HTMLResponse:
        """Return a page with a text for buyers; the error's own text can be unfolded."""
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
