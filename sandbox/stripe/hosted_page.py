"""Simulates Stripe's hosted payment page, with buttons instead of a card form."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from sandbox.bodies import read_form
from sandbox.config import SandboxConfig, Waits
from sandbox.money import format_money, format_number, parse_number
from sandbox.pages import Pages, origin_of, see_other
from sandbox.shop.products import SHOP_NAME
from sandbox.stripe.acts import Act
from sandbox.stripe.delivery import Delivery
from sandbox.stripe.payments import Payments
from sandbox.stripe.return_acts import AmountRefusedError
from sandbox.stripe.sessions import Order, Session, Stage
from sandbox.stripe.trouble import DELAY_S_MAX, TroubleRefusedError, parse_trouble_form

MOVED_ON = (
    "Nothing was done, because the payment has changed since you opened this page. "
    "This is its current state."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedPage:
    """`/c/pay/{session_id}` and the forms on it."""

    config: SandboxConfig
    waits: Waits
    payments: Payments
    pages: Pages

    async def show(self, request: Request) -> Response:
        """Show the order, its state, and what can be done with it."""
        return self._render(self._find(request))

    async def show_webhooks(self, request: Request) -> Response:
        """Return the list of webhooks only, for the page's script."""
        session = self._find(request)
        return self.pages.render(
            "webhooks.html", session=session, deliveries=self._webhooks(session), at=_at
        )

    async def return_to_page(self, request: Request) -> Response:
        """Redirect the reload of a form's response to the page."""
        return see_other(_path(self._find(request)))

    async def act(self, request: Request) -> Response:
        """Perform the button's act, then redirect the buyer."""
        act, session = find_act(request), self._find(request)
        fields = await read_form(request)
        # Read it again: the session may have changed while the form arrived.
        session = self._find(request)
        if not act.is_possible(session) or _is_outdated(act, session, fields):
            return self._answer_too_late(act, session)
        try:
            trouble = parse_trouble_form(fields)
            amount_minor = _read_amount(session, fields) if act is Act.REFUND else None
        except (TroubleRefusedError, AmountRefusedError) as error:
            return self._render(session, notice=str(error), status_code=400)
        performed = self.payments.perform(act, session, trouble, amount_minor)
        if not trouble.is_late:
            await performed.wait_answered(self.waits.buyer_s)
        if act is Act.PAY:
            return see_other(performed.session.return_url)
        return see_other(_path(session))

    async def go_back(self, request: Request) -> Response:
        """Go back to the shop; an open session stays open."""
        session = self._find(request)
        return see_other(
            session.return_url if session.status == "complete" else session.order.cancel_url
        )

    async def send_event(self, request: Request) -> Response:
        """Send one of the session's events now, withheld or not."""
        session = self._find(request)
        await self.payments.deliveries.resend(self._find_delivery(request, session))
        return see_other(f"{_path(session)}#webhooks")

    async def lose_event(self, request: Request) -> Response:
        """Let Stripe forget one of the session's events: only its API still tells of it."""
        session = self._find(request)
        self.payments.deliveries.lose(self._find_delivery(request, session))
        return see_other(f"{_path(session)}#webhooks")

    async def unmake_event(self, request: Request) -> Response:
        """Let Stripe fail to make one of the session's events: it sends a notice instead."""
        session = self._find(request)
        self.payments.deliveries.unmake(self._find_delivery(request, session))
        return see_other(f"{_path(session)}#webhooks")

    def _find_delivery(self, request: Request, session: Session) -> Delivery:
        delivery = self.payments.deliveries.get(request.path_params["event_id"])
        if delivery is None or delivery.event.session_id != session.id:
            raise HTTPException(404, "This session has no such event.")
        return delivery

    def _answer_too_late(self, act: Act, session: Session) -> Response:
        """Accept a second click, because the browser shows only the last response."""
        if act is Act.PAY and session.stage is Stage.PAID:
            return see_other(session.return_url)
        return self._render(session, notice=MOVED_ON, status_code=409)

    def _render(
        self, session: Session, *, notice: str | None = None, status_code: int = 200
    ) -> Response:
        order = session.order
        return self.pages.render(
            "hosted_page.html",
            status_code=status_code,
            connect="'self'",
            # Browsers apply form-action to redirects too, and the shop may be anywhere.
            submit="'self' http: https:",
            session=session,
            order=order,
            shop=self._shop_of(order),
            notice=notice,
            stages=Stage,
            acts=[act.value for act in Act if act.is_possible(session)],
            least=format_number(1, order.currency),
            most=format_number(session.refundable_minor, order.currency),
            delay_s_max=DELAY_S_MAX,
            deliveries=self._webhooks(session),
            at=_at,
        )

    def _shop_of(self, order: Order) -> str | None:
        """Return the demo shop's name; for any other shop, the host of its success URL."""
        if origin_of(order.cancel_url) == origin_of(self.config.public_url):
            return SHOP_NAME
        return urlsplit(order.cancel_url).hostname

    def _webhooks(self, session: Session) -> list[Delivery]:
        """Return the session's webhooks, the latest first."""
        return self.payments.deliveries.of_session(session.id)[::-1]

    def _find(self, request: Request) -> Session:
        session = self.payments.sessions.get(request.path_params["session_id"])
        if session is None:
            raise HTTPException(404, "There is no such payment. A restart forgets all payments.")
        return session


def find_act(request: Request) -> Act:
    """Return the act that the path's last part names, or raise a 404."""
    try:
        return Act(request.path_params["act"])
    except ValueError as error:
        raise HTTPException(404, f"The acts are {', '.join(Act)}.") from error


def _is_outdated(act: Act, session: Session, fields: Mapping[str, str]) -> bool:
    """Return whether this is a second click on a refund, made on an outdated page."""
    seen = fields.get("refunded_before")
    return act is Act.REFUND and seen is not None and seen != str(session.refunded_minor)


def _read_amount(session: Session, fields: Mapping[str, str]) -> int | None:
    """Return the amount to refund, or None for everything that is left."""
    if "everything" in fields:
        return None
    left_minor, currency = session.refundable_minor, session.order.currency
    try:
        amount_minor = parse_number(fields.get("amount", ""), currency)
    except ValueError:
        amount_minor = 0
    if not 1 <= amount_minor <= left_minor:
        least, most = format_money(1, currency), format_money(left_minor, currency)
        raise AmountRefusedError(f"The amount must be from {least} to {most}.")
    return amount_minor


def _path(session: Session) -> str:
    return f"/c/pay/{session.id}"


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
