"""Plays Stripe's hosted payment page, with buttons in place of a card form."""

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.sandbox.acts import Act, ActRefusedError
from app.sandbox.bodies import read_form
from app.sandbox.config import Waits
from app.sandbox.pages import Pages, see_other
from app.sandbox.payments import Payments
from app.sandbox.sessions import Session, Stage
from app.sandbox.trouble import DELAY_S_MAX, DUPLICATE_MAX, TroubleRefusedError, parse_trouble_form

LEADS_BACK_TO_SHOP = frozenset((Act.PAY, Act.BANK_SUCCEEDS, Act.BANK_FAILS))


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedPage:
    """`/c/pay/{session_id}` and the forms on it."""

    waits: Waits
    payments: Payments
    pages: Pages

    async def show(self, request: Request) -> Response:
        """Show the cart and what can be done, or how it ended."""
        session = self._find(request)
        return self.pages.render(
            "hosted_page.html",
            # Browsers hold a form's redirects to this rule too, and the shop may be anywhere.
            submit="'self' http: https:",
            session=session,
            order=session.order,
            stages=Stage,
            deliveries=self.payments.deliveries.of_session(session.id),
            duplicate_max=DUPLICATE_MAX,
            delay_s_max=DELAY_S_MAX,
        )

    async def act(self, request: Request) -> Response:
        """Do what the pressed button says, then send the buyer on."""
        session, act = self._find(request), find_act(request)
        try:
            trouble = parse_trouble_form(await read_form(request))
            # Read again: the session may have moved on while the form came in.
            performed = self.payments.perform(act, self._find(request), trouble)
        except TroubleRefusedError as error:
            raise HTTPException(400, str(error)) from error
        except ActRefusedError:
            return self._already_done(request, act)
        if not trouble.is_late:
            await performed.wait_answered(self.waits.buyer_s)
        if act in LEADS_BACK_TO_SHOP:
            return see_other(performed.session.return_url)
        return see_other(f"/c/pay/{session.id}")

    async def go_back(self, request: Request) -> Response:
        """Leave without paying; the session stays open."""
        return see_other(self._find(request).order.cancel_url)

    async def send_event(self, request: Request) -> Response:
        """Send one of the session's events now, withheld or not."""
        session = self._find(request)
        delivery = self.payments.deliveries.get(request.path_params["event_id"])
        if delivery is None or delivery.event.session_id != session.id:
            raise HTTPException(404, "This session has no such event.")
        await self.payments.deliveries.resend(delivery)
        return see_other(f"/c/pay/{session.id}")

    def _already_done(self, request: Request, act: Act) -> Response:
        """A second click must not strand the buyer: the browser shows the last answer only."""
        session = self._find(request)
        if act is Act.PAY and session.stage is Stage.PAID:
            return see_other(session.return_url)
        return see_other(f"/c/pay/{session.id}")

    def _find(self, request: Request) -> Session:
        session = self.payments.sessions.get(request.path_params["session_id"])
        if session is None:
            raise HTTPException(404, "There is no such payment here, or it is long ago.")
        return session


def find_act(request: Request) -> Act:
    """Return the act that the path's last part names, or raise a 404."""
    try:
        return Act(request.path_params["act"])
    except ValueError as error:
        raise HTTPException(404, f"The acts are {', '.join(Act)}.") from error
