"""Reads the console's forms, and refuses those that another site's page has sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.requests import Request

from app.web.errors import FormRefusedError, UnsupportedMediaTypeError
from app.web.http.body import read_body
from app.web.http.body_budget import BodyLease
from app.web.http.client_address import Network, client_bucket, is_trusted_peer
from app.web.http.shares import Shares

FORM: Final = "application/x-www-form-urlencoded"
FORM_BYTES_MAX: Final = 16 * 1024
BYTES_MAX: Final = 1024 * 1024
FIELDS_MAX: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Forms:
    """Reads forms, within limits."""

    trusted_proxies: Sequence[Network]
    budget: Shares = field(default_factory=lambda: Shares(BYTES_MAX))

    async def read(self, request: Request) -> Mapping[str, str]:
        """Return the fields of a form of our own pages; of a repeated one, the last.

        Raises:
            FormRefusedError: another site's page has sent it.
            UnsupportedMediaTypeError: it is no form, or not one in UTF-8.
            BodyTooLargeError, BodyTimeoutError, OverloadedError: as for `read_body`.
        """
        self._require_from_here(request)
        client = client_bucket(request.scope, self.trusted_proxies)
        with BodyLease(self.budget, lambda: client) as lease:
            body = await read_body(
                request.receive, request.headers, lease=lease, body_bytes_max=FORM_BYTES_MAX
            )
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if body and media_type != FORM:  # a form without any field needs no type
            raise UnsupportedMediaTypeError(f"Send the form as {FORM}.")
        try:
            pairs = parse_qsl(
                body.decode(), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX
            )
        except ValueError as error:
            raise UnsupportedMediaTypeError("The form is not UTF-8, or has many fields.") from error
        return dict(pairs)

    def _require_from_here(self, request: Request) -> None:
        """Refuse a form if the browser says that another site's page has sent this request.

        Browsers send Sec-Fetch-Site over TLS and on this machine (Fetch Metadata), and Origin with
        every form. A proxy may replace the Host header, which Sec-Fetch-Site does not depend on.
        """
        headers = request.headers
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        host = None if origin is None else origin.lower().partition("://")[2]
        if site in ("same-origin", "none"):
            return
        if site is not None or host == "":
            raise FormRefusedError("This form was sent by a page of another site.")
        if host is not None and host not in self._hosts(request, headers):
            raise FormRefusedError(
                "This form came from another address than the service sees. Let the proxy pass on "
                "the Host header: docs/console.md."
            )

    def _hosts(self, request: Request, headers: Headers) -> set[str]:
        hosts = {headers.get("host", "").lower()}
        peer = request.client
        if peer and is_trusted_peer(peer.host, self.trusted_proxies):
            told = ",".join(headers.getlist("x-forwarded-host")).split(",")
            hosts |= {each.strip().lower() for each in told}
        return hosts - {""}
