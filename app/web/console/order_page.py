"""One order: what is known of it, its flags, and its timeline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from app.domain.payments.flags import Flag
from app.usecases.flag_texts import flag_todo
from app.usecases.order_document import Document, Order, dashboard_url_of
from app.usecases.order_history import OrderHistory, PastEvent, PastNotification, ReadOrderHistory
from app.usecases.read_orders import ReadOrders
from app.usecases.see_flag import SeeFlag
from app.web.console.frame import Frame
from app.web.console.guard import Guard
from app.web.console.visit import Visit, see_other

# How people write an address (Stripe, the Address object).
_ADDRESS: Final = ("line1", "line2", "postal_code", "city", "state", "country")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the timeline: an event or a notification, at a time in epoch milliseconds."""

    at_ms: int
    event: PastEvent | None = None
    notification: PastNotification | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagShown:
    """A flag, what to do about it, and whether an operator has seen all of its causes."""

    flag: Flag
    causes: Sequence[str]
    todo: str
    is_seen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPage:
    """`/console/orders/{id}`, by the checkout's or a session's id.

    `has_receiver`: notifications are posted, so they may be sent again.
    """

    read_orders: ReadOrders
    read_history: ReadOrderHistory
    see_flag: SeeFlag
    has_receiver: bool
    frame: Frame

    def routes(self, guard: Guard) -> Sequence[BaseRoute]:
        """The page, and marking a flag as seen."""
        path = "/console/orders/{id}"
        return [
            guard.page(path, self.show),
            guard.act(f"{path}/flags/{{flag}}/seen", self.see),
        ]

    async def show(self, visit: Visit) -> Response:
        """Return the order's page, or raise a `CheckoutError`."""
        order = await self.read_orders.one(visit.request.path_params["id"])
        history = await self.read_history(order)
        document = order.document
        values = {
            "order": document,
            "flags": _flags(order),
            "customer": _person(document["customer"]),
            "shipping": _person(document["shipping"]),
            "custom_fields": _custom_fields(document["custom_fields"]),
            "dashboard": dashboard_url_of(document),
            "history": history,
            "has_receiver": self.has_receiver,
            "timeline": _timeline(history),
            "place": f"orders/{order.id}",
        }
        return self.frame.page(visit, "order.html", values)

    async def see(self, visit: Visit) -> Response:
        """Mark a flag as seen, or raise a `CheckoutError`."""
        parameters = visit.request.path_params
        order = await self.see_flag(parameters["id"], parameters["flag"])
        return see_other(visit.request, f"orders/{order.id}", done="seen")


def _flags(order: Order) -> list[FlagShown]:
    return [
        FlagShown(
            flag=flag,
            causes=sorted(causes),
            todo=flag_todo(order, flag, causes),
            is_seen=flag not in order.unseen,
        )
        for flag, causes in order.flags.items()
    ]


def _timeline(history: OrderHistory) -> list[Entry]:
    """Return events and notifications together, the oldest first."""
    entries = [Entry(at_ms=each.event.received_at_ms, event=each) for each in history.events]
    entries += [
        Entry(at_ms=each.notification.at_ms, notification=each) for each in history.notifications
    ]
    return sorted(entries, key=lambda each: each.at_ms)  # stable: an event before what it causes


def _person(person: Document | None) -> Mapping[str, str]:
    """Return what is known of a person, by its name, the address in one line."""
    if person is None:
        return {}
    return {name: text for name, value in person.items() if (text := _text(value))}


def _text(value: object) -> str:
    """Return what Stripe sent as one line, whatever it is."""
    if isinstance(value, Mapping):
        known = [*(name for name in _ADDRESS if name in value), *(value.keys() - {*_ADDRESS})]
        return ", ".join(text for name in known if (text := _text(value[name])))
    return "" if value is None else str(value)


def _custom_fields(fields: Sequence[Any]) -> list[tuple[str, str]]:
    """Return each field's label and value (Stripe, the Checkout Session's `custom_fields`)."""
    found = []
    for each in fields:
        if isinstance(each, Mapping):
            kind, label = each.get("type"), each.get("label")
            shown = label.get("custom") if isinstance(label, Mapping) else None
            value = each.get(kind) if isinstance(kind, str) else None
            entered = value.get("value") if isinstance(value, Mapping) else None
            found.append((str(shown or each.get("key") or "?"), _text(entered)))
    return found
