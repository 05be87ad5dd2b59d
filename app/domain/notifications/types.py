"""The kinds of notifications, by the names that receivers see."""

from enum import StrEnum


class NotificationType(StrEnum):
    """What happened to an order or to its subscription."""

    PROCESSING = "order.processing"
    PAID = "order.paid"
    FAILED = "order.failed"
    EXPIRED = "order.expired"
    REFUNDED = "order.refunded"
    DISPUTED = "order.disputed"
    DISPUTE_CLOSED = "order.dispute_closed"
    RENEWED = "subscription.renewed"
    PAYMENT_FAILED = "subscription.payment_failed"
    SUBSCRIPTION_UPDATED = "subscription.updated"
    SUBSCRIPTION_CANCELED = "subscription.canceled"
    FLAGGED = "order.flagged"
    CHANGED = "order.changed"  # none of the above; only the orders table learns of it

    @property
    def is_public(self) -> bool:
        """Whether receivers and readers of the feed learn of it."""
        return self is not NotificationType.CHANGED
