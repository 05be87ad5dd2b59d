"""Renders HTML with a Content-Security-Policy."""

from pathlib import Path
from urllib.parse import quote, urlsplit

from jinja2 import Environment, FileSystemLoader
from starlette.responses import HTMLResponse, Response

from sandbox.money import format_money

HERE = Path(__file__).parent
# All printable ASCII characters that a URL may contain unescaped, and `%`: what the shop encoded
# stays encoded; only line breaks, spaces and non-ASCII letters are escaped.
URL_SAFE = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


class Pages:
    """The templates, and the headers of every page."""

    def __init__(self, *, shop_name: str) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["money"] = format_money
        self._templates.globals["shop_name"] = shop_name

    def render(
        self,
        template: str,
        *,
        status_code: int = 200,
        connect: str = "'none'",
        submit: str = "'self'",
        scripts: str = "'self'",
        **values: object,
    ) -> HTMLResponse:
        """Return the page; the other arguments are CSP sources for fetch, forms and scripts."""
        html = self._templates.get_template(template).render(values)
        headers = {
            "Cache-Control": "no-store",
            "Content-Security-Policy": (
                f"default-src 'none'; style-src 'self'; script-src {scripts}; img-src 'self'; "
                f"connect-src {connect}; form-action {submit}; "
                "base-uri 'none'; frame-ancestors 'none'"
            ),
            # With a stricter policy browsers send `Origin: null` along with a form.
            "Referrer-Policy": "strict-origin-when-cross-origin",
            "X-Content-Type-Options": "nosniff",
        }
        return HTMLResponse(html, status_code=status_code, headers=headers)


def see_other(url: str) -> Response:
    """Return a 303, which browsers follow with GET.

    Starlette's own RedirectResponse escapes braces, which a shop may have in its URL.
    """
    headers = {"Location": quote(url, safe=URL_SAFE), "Cache-Control": "no-store"}
    return Response(status_code=303, headers=headers)


def origin_of(url: str) -> str:
    """Return the URL's scheme, host and port, as a Content-Security-Policy writes them."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
