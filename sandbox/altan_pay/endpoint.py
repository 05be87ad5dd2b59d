"""Simulates Altan Pay's one documented call: a cart in, the URL of a payment page out."""

import logging
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.altan_pay.faults import Faults
from sandbox.altan_pay.orders import OrderRefusedError, parse_order
from sandbox.bodies import read_body
from sandbox.config import SandboxConfig
from sandbox.stripe.payments import Payments
from sandbox.stripe.sessions import Session

logger = logging.getLogger(__name__)

# The documented call takes no key: a client that sends one of these headers leaks a credential.
FORBIDDEN_HEADERS = (
    "authorization",
    "cookie",
    "idempotency-key",
    "stripe-account",
    "traceparent",
    "tracestate",
    "baggage",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AltanPay:
    """`POST /v2/connect/checkout/{account_id}/create_checkout_session`."""

    config: SandboxConfig
    faults: Faults
    payments: Payments

    async def create_checkout_session(self, request: Request) -> Response:
        """Return `{"url": …}`, or an error that says what is wrong with the call."""
        self._check_ids(request)
        _check_headers(request)
        try:
            order = parse_order(await read_body(request))
        except OrderRefusedError as error:
            raise HTTPException(400, str(error)) from error
        failure = await self.faults.answer(order, request)
        if failure is not None:
            return failure
        session = self.payments.start(order)
        logger.debug("opened %s", session.id)
        return JSONResponse({"url": page_url(self.config, session)})

    def _check_ids(self, request: Request) -> None:
        if request.path_params["account_id"] != self.config.account_id:
            raise HTTPException(404, "There is no Altan account with this id.")
        connect_ids = request.query_params.getlist("stripe_connect_id")
        if connect_ids != [self.config.stripe_connect_id]:
            raise HTTPException(403, "stripe_connect_id is not connected to this account.")


def page_url(config: SandboxConfig, session: Session) -> str:
    """Return the hosted page's URL, with a fragment as real ones have."""
    return f"{config.public_url.rstrip('/')}/c/pay/{session.id}#{session.fragment}"


def _check_headers(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise HTTPException(400, "Content-Type must be application/json.")
    for name in FORBIDDEN_HEADERS:
        if name in request.headers:
            raise HTTPException(400, f"The documented call carries no {name} header.")
