"""Reads what was bought in sessions that are paid, and compares it with the cart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.domain.checkout.cart import LineItem
from app.domain.payments.line_items import differences
from app.domain.stripe_events.read_back import LINE_ITEMS, event_of_line_items
from app.domain.stripe_events.sessions import bought_in
from app.usecases.failed_reads import FailedReads
from app.usecases.ports import Clock
from app.usecases.read_payment import ReadPayment
from app.usecases.reconciliation import ReconciliationState, ReconciliationStore
from app.usecases.records import EventSource
from app.usecases.stripe_reads import Document, StripeObjectMissingError, StripeReads
from app.usecases.take_read_events import TakeReadEvents

FAR_BACK_MS: Final = 30 * 24 * 60 * 60 * 1000  # older ones were fulfilled long ago
READ_MAX: Final = 200  # in one look: the others wait for the next


@dataclass(frozen=True, slots=True)
class ReadLineItems:
    """Reads them once for each session: what is known is not asked for again.

    `even_missing`: also asks for those that Stripe did not have or return, because the key may have
    been another account's.
    """

    stripe: StripeReads
    store: ReconciliationStore
    take: TakeReadEvents
    clock: Clock
    failed: FailedReads
    even_missing: bool = False

    async def __call__(self, state: ReconciliationState) -> ReconciliationState:
        """Read some; the state is not changed.

        Raises:
            StripeReadError: Stripe refuses or is down; the others are still due.
        """
        after_ms = self.clock.now_ms() - FAR_BACK_MS
        due = await self.store.without_line_items(
            after_ms=after_ms, even_missing=self.even_missing, limit=READ_MAX
        )
        for session_id in due:
            await self.read(session_id)
        return state

    async def read(self, session_id: str) -> bool:
        """Read those of one session; return False if they are to be read again.

        Raises:
            StripeReadError: Stripe refuses or is down.
        """
        items = await self._items(session_id)
        if items is None:
            return False
        await self.take([await self._event(session_id, items)], EventSource.READ)
        return True

    async def _items(self, session_id: str) -> Sequence[Document] | None:
        """Return the line items; none if Stripe does not have the session, which is a failure."""
        try:
            return await self.failed.ask(LINE_ITEMS, session_id, self.stripe.line_items(session_id))
        except StripeObjectMissingError as error:
            self.take.findings.fail(str(error))
            return ()

    async def _event(self, session_id: str, items: Sequence[Document]) -> Document:
        """The cart never changes, so what differs from it is as lasting as what was bought."""
        cart, bought = await self._cart(session_id), bought_in(items)
        return event_of_line_items(
            session_id,
            items,
            differs_from_cart=bool(cart and bought and differences(cart, bought)),
            now_s=self.clock.now_ms() // 1000,
        )

    async def _cart(self, session_id: str) -> Sequence[LineItem]:
        checkout = await self.store.find_checkout_of_session(session_id)
        payment = await self.store.find_payment(session_id)
        if checkout is None and payment is not None:
            checkout = await ReadPayment(database=self.store).checkout_claimed_by(payment)
        return checkout.cart.line_items if checkout else ()
