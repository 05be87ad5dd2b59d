"""The sandbox's JSON API for tests: act on sessions, list deliveries, resend them."""

import time
from dataclasses import dataclass

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.altan_pay.endpoint import page_url
from sandbox.bodies import read_body
from sandbox.config import SandboxConfig, Waits
from sandbox.stripe.acts import Act, ActRefusedError
from sandbox.stripe.delivery import Attempt, Delivery
from sandbox.stripe.hosted_page import find_act
from sandbox.stripe.objects import JsonObject, session_object
from sandbox.stripe.payments import Payments
from sandbox.stripe.return_acts import AmountRefusedError
from sandbox.stripe.sessions import Session
from sandbox.stripe.trouble import Trouble, TroubleRefusedError, parse_trouble_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Everything under `/sandbox/`."""

    config: SandboxConfig
    waits: Waits
    payments: Payments

    async def list_sessions(self, _request: Request) -> Response:
        """`GET /sandbox/sessions`, the newest first."""
        sessions = [self._session_json(session) for session in self.payments.sessions]
        return JSONResponse({"sessions": sessions})

    async def read_session(self, request: Request) -> Response:
        """`GET /sandbox/sessions/{session_id}`."""
        return JSONResponse(self._session_json(self._find_session(request)))

    async def act(self, request: Request) -> Response:
        """`POST /sandbox/sessions/{session_id}/{act}`; the body sets the delivery trouble.

        A refund also takes an `amount` in the currency's smallest unit. The response is sent when
        each event was sent once, but no later than Checkout would hold a buyer; immediately if
        the events are to be late.
        """
        self._find_session(request)
        act = find_act(request)
        trouble, amount_minor = await _read_options(request, act)
        try:
            session = self._find_session(request)
            performed = self.payments.perform(act, session, trouble, amount_minor)
        except ActRefusedError as error:
            raise HTTPException(409, str(error)) from error
        except AmountRefusedError as error:
            raise HTTPException(400, str(error)) from error
        if not trouble.is_late:
            await _wait_all_answered(performed.deliveries, self.waits.buyer_s)
        return JSONResponse(
            {
                "session": self._session_json(performed.session),
                "events": [_event_json(delivery) for delivery in performed.deliveries],
            }
        )

    async def list_deliveries(self, _request: Request) -> Response:
        """`GET /sandbox/deliveries`: all attempts in order, and each event's state."""
        deliveries = self.payments.deliveries
        return JSONResponse(
            {
                "deliveries": [_attempt_json(attempt) for attempt in deliveries.attempts],
                "events": [_event_json(delivery) for delivery in deliveries],
            }
        )

    async def resend(self, request: Request) -> Response:
        """`POST /sandbox/deliveries/{event_id}/resend`; responds once the service has."""
        attempt = await self.payments.deliveries.resend(self._find_delivery(request))
        return JSONResponse(_attempt_json(attempt))

    async def lose(self, request: Request) -> Response:
        """`POST /sandbox/deliveries/{event_id}/lose`: Stripe forgets to send the event."""
        delivery = self._find_delivery(request)
        if not self.payments.deliveries.lose(delivery):
            raise HTTPException(409, "The event is delivered, or on its way.")
        return JSONResponse(_event_json(delivery))

    async def unmake(self, request: Request) -> Response:
        """`POST /sandbox/deliveries/{event_id}/unmake`: Stripe cannot make the event."""
        delivery = self._find_delivery(request)
        if not self.payments.deliveries.unmake(delivery):
            raise HTTPException(409, "The event was made already: hold it back first.")
        return JSONResponse(_event_json(delivery))

    def _find_delivery(self, request: Request) -> Delivery:
        delivery = self.payments.deliveries.get(request.path_params["event_id"])
        if delivery is None:
            raise HTTPException(404, "There is no such event. A restart forgets all events.")
        return delivery

    def _find_session(self, request: Request) -> Session:
        session = self.payments.sessions.get(request.path_params["session_id"])
        if session is None:
            raise HTTPException(404, "There is no such session. A restart forgets all sessions.")
        return session

    def _session_json(self, session: Session) -> JsonObject:
        """Return Stripe's session object, extended by what only the sandbox knows."""
        return {
            **session_object(session),
            "url": page_url(self.config, session),
            "return_url": session.return_url,
            "stage": session.stage.value,
            "amount_refunded": session.refunded_minor,
            "dispute": session.dispute.status.value if session.dispute else None,
            "acts": [act.value for act in Act if act.is_possible(session)],
            "line_items": [
                {
                    "price": line.price.id,
                    "quantity": line.quantity,
                    "amount_total": line.amount_minor,
                }
                for line in session.order.lines
            ],
        }


async def _read_options(request: Request, act: Act) -> tuple[Trouble, int | None]:
    """Return the requested trouble, and a refund's amount."""
    body = await read_body(request)
    if not body:
        return Trouble(), None
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise HTTPException(400, "The body is not JSON.") from error
    amount_minor = None
    if act is Act.REFUND and isinstance(fields, dict) and "amount" in fields:
        amount_minor = fields.pop("amount")
        if type(amount_minor) is not int:
            raise HTTPException(400, "amount must be a whole number.")
    try:
        return parse_trouble_json(fields), amount_minor
    except TroubleRefusedError as error:
        raise HTTPException(400, str(error)) from error


async def _wait_all_answered(deliveries: list[Delivery], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    for delivery in deliveries:
        await delivery.wait_answered(max(0, deadline - time.monotonic()))


def _event_json(delivery: Delivery) -> JsonObject:
    return {
        "event_id": delivery.event.id,
        "type": delivery.event.type,
        "session_id": delivery.event.session_id,
        "state": delivery.state.value,
        "attempts": delivery.started,
    }


def _attempt_json(attempt: Attempt) -> JsonObject:
    return {
        "event_id": attempt.event_id,
        "type": attempt.event_type,
        "attempt": attempt.number,
        "at": attempt.at,
        "status_code": attempt.status_code,
        "outcome": attempt.outcome,
        "error": attempt.error,
        "ms": attempt.elapsed_ms,
    }
