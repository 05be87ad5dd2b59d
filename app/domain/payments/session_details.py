"""A Checkout Session's other fields: sums, live or test mode, order number."""

from dataclasses import dataclass

from app.domain.checkout.cart import LineItem
from app.domain.payments.joins import either


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDetails:
    """The session's own fields. Amounts are in the currency's minor unit, times in epoch seconds.

    `presentment` is what the buyer saw if Stripe converted the currency. `bought` are the line
    items, once they were read; `recurring_minor` is what the recurring ones cost in a period that
    is not free; `items_differ`: they are not those of the checkout's cart; `items_missing`: they
    were asked for, and Stripe has none that can be read.
    """

    amount_discount_minor: int | None = None
    amount_tax_minor: int | None = None
    amount_shipping_minor: int | None = None
    presentment_minor: int | None = None
    presentment_currency: str | None = None
    livemode: bool | None = None
    created_s: int | None = None
    client_reference_id: str | None = None
    bought: tuple[LineItem, ...] = ()
    recurring_minor: int | None = None
    items_differ: bool = False
    items_missing: bool = False

    def join(self, other: "SessionDetails") -> "SessionDetails":
        """Join two reports. If they differ, the choice does not depend on their order."""
        return SessionDetails(
            amount_discount_minor=either(
                max, self.amount_discount_minor, other.amount_discount_minor
            ),
            amount_tax_minor=either(max, self.amount_tax_minor, other.amount_tax_minor),
            amount_shipping_minor=either(
                max, self.amount_shipping_minor, other.amount_shipping_minor
            ),
            presentment_minor=either(max, self.presentment_minor, other.presentment_minor),
            presentment_currency=either(min, self.presentment_currency, other.presentment_currency),
            livemode=either(max, self.livemode, other.livemode),
            created_s=either(min, self.created_s, other.created_s),
            client_reference_id=either(min, self.client_reference_id, other.client_reference_id),
            bought=max(self.bought, other.bought, key=_sortable),
            recurring_minor=either(max, self.recurring_minor, other.recurring_minor),
            items_differ=self.items_differ or other.items_differ,
            items_missing=self.items_missing or other.items_missing,
        )

    @property
    def are_items_settled(self) -> bool:
        """Whether asking for the line items again would tell nothing new."""
        return bool(self.bought) or self.items_missing


def _sortable(items: tuple[LineItem, ...]) -> list[tuple[str, int]]:
    return [(item.price, item.quantity) for item in items]
