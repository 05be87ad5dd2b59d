"""Where a buyer may be redirected: to the shop's own pages and to a payment page."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from app.domain.checkout.return_urls import CHECKOUT_KEY, SESSION_ID_PLACEHOLDER, with_ids
from app.domain.checkout.urls import URL_LENGTH_MAX, WebUrl, read_web_url
from app.domain.errors import Fault, RedirectNotAllowedError

_ORIGIN_ECHO_MAX = 100
_SESSION_ID_SEGMENT = re.compile(r"/(cs_(?:test|live)_[A-Za-z0-9]+)(?=[/?#]|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectPolicy:
    """The shop's default return URLs, and the origins that requested return URLs may have."""

    allowed_origins: Collection[str]
    success_url_default: str
    cancel_url_default: str

    def success_url(
        self, requested: str | None, *, checkout_id: str, key: str | None = None, pointer: str
    ) -> str:
        """Return the URL for a buyer who has paid, with the ids that its page needs.

        With `key`, it also contains the checkout's secret, which no page needs.

        Raises:
            RedirectNotAllowedError: the requested URL is not valid, or has another origin.
        """
        url = self._allowed(requested, self.success_url_default, pointer=pointer)
        ids = {"session_id": SESSION_ID_PLACEHOLDER, "checkout_id": checkout_id}
        if key:
            ids[CHECKOUT_KEY] = key
        text = with_ids(url, ids)
        if len(text) > URL_LENGTH_MAX:
            raise _refused(pointer, f"is longer than {URL_LENGTH_MAX} characters with our ids")
        return text

    def cancel_url(self, requested: str | None, *, pointer: str) -> str:
        """Return the URL for a buyer who goes back without paying, unchanged.

        Raises:
            RedirectNotAllowedError: the requested URL is not valid, or has another origin.
        """
        return self._allowed(requested, self.cancel_url_default, pointer=pointer).text

    def way_back(self, requested: object) -> str:
        """Return the URL for a buyer whose cart was refused: to the cart, where it is known."""
        try:
            return self.cancel_url(requested if isinstance(requested, str) else None, pointer="")
        except RedirectNotAllowedError:
            return self.cancel_url_default

    def _allowed(self, requested: str | None, default: str, *, pointer: str) -> WebUrl:
        if requested is None:
            return read_web_url(default)
        try:
            url = read_web_url(requested)
        except ValueError as error:
            raise _refused(pointer, str(error)) from error
        if url.origin not in self.allowed_origins:
            raise _refused(
                pointer,
                f"leads to {url.origin[:_ORIGIN_ECHO_MAX]}, which is not one of the shop's origins "
                "(ALLOWED_ORIGINS)",
            )
        return url


@dataclass(frozen=True, slots=True)
class PaymentPage:
    """The hosted page to send the buyer to, and its Checkout Session's id if the URL has it."""

    url: str
    session_id: str | None


def read_payment_page(text: str, *, allowed_hosts: frozenset[str]) -> PaymentPage:
    """Validate a payment page's URL against the allowed hosts.

    `allowed_hosts` contains `host`, meaning the scheme's default port, or `host:port`. Plain http
    is allowed only for a listed loopback host, so that the sandbox needs no certificates.

    Raises:
        ValueError: the message completes "the address …".
    """
    url = read_web_url(text)
    if url.scheme != "https" and not url.is_loopback:
        raise ValueError("is not https")
    authority = url.origin.removeprefix(f"{url.scheme}://")
    if authority not in allowed_hosts:
        raise ValueError("leads to a host that CHECKOUT_URL_HOSTS does not list")
    path = re.split(r"[?#]", url.rest)[0]
    segment = _SESSION_ID_SEGMENT.search(path)
    return PaymentPage(url.text, segment[1] if segment else None)


def _refused(pointer: str, detail: str) -> RedirectNotAllowedError:
    fault = Fault(pointer, detail)
    field = pointer.rpartition("/")[2]
    message = f"{RedirectNotAllowedError.title}: {field} {detail}."
    return RedirectNotAllowedError(message, faults=[fault])
