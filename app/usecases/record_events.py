"""Events become rows and payments: a batch in one transaction, committed before any 2xx."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.domain.events import StripeEvent
from app.domain.payment import PaymentFacts, PaymentNews, read_payment_news
from app.usecases.ports import (
    Alarm,
    AlertName,
    Clock,
    Database,
    EventRow,
    EventState,
    Payment,
    Transaction,
)

_DEAUTHORIZED: Final = "account.application.deauthorized"


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """A verified event, with the very bytes that were signed."""

    event: StripeEvent
    payload: bytes


class Recorded(StrEnum):
    """What became of an event that is safe on disk."""

    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class _Read:
    """An event after the fold's first half: what to keep of it, and its news of a payment."""

    row: EventRow
    news: PaymentNews | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordEvents:
    """Keeps events and folds them into their payments."""

    database: Database
    clock: Clock
    alarm: Alarm

    async def __call__(self, batch: Sequence[ReceivedEvent]) -> list[Recorded]:
        """Record a batch; the outcome of each event, in order. All are on disk when this returns.

        An event that cannot be folded is kept as failed, and its neighbours are not touched.

        Raises:
            StorageUnavailableError: nothing of the batch was committed.
        """
        now_ms = self.clock.now_ms()
        read = [_read(received, now_ms) for received in batch]

        async def record(transaction: Transaction) -> tuple[list[Recorded], list[str]]:
            fresh = set(await transaction.add_events([entry.row for entry in read]))
            outcomes, news = [], []
            for entry in read:
                is_fresh = entry.row.id in fresh
                fresh.discard(entry.row.id)  # the same event twice in a batch is a duplicate
                outcomes.append(_outcome(entry, is_fresh=is_fresh))
                if is_fresh and entry.news:
                    news.append(entry.news)
            mismatched = await _fold(transaction, news, now_ms)
            await transaction.commit()
            return outcomes, mismatched

        outcomes, mismatched = await self.database.write(record)
        self._tell(read, outcomes, mismatched)
        return outcomes

    def _tell(
        self, read: Sequence[_Read], outcomes: Sequence[Recorded], mismatched: Sequence[str]
    ) -> None:
        """What the owner must know of a batch; said once it is on disk, and once for each event."""
        for entry, outcome in zip(read, outcomes, strict=True):
            if outcome is Recorded.FAILED:
                self.alarm(AlertName.EVENT_FOLD_FAILED, f"{entry.row.id}: {entry.row.reason}")
            elif outcome is Recorded.RECORDED and entry.row.type == _DEAUTHORIZED:
                self.alarm(AlertName.ACCOUNT_DEAUTHORIZED, "Stripe says that we may not sell.")
        for session_id in mismatched:
            self.alarm(AlertName.PRICE_MISMATCH, f"{session_id} differs from the catalogue")


def _read(received: ReceivedEvent, now_ms: int) -> _Read:
    event = received.event
    news: PaymentNews | None = None
    reason: str | None = None
    try:
        news = read_payment_news(event)
        state = EventState.FOLDED if news else EventState.RECORDED
    except Exception as error:  # noqa: BLE001 one event that breaks our fold must not break a batch
        state, reason = EventState.FAILED, f"{type(error).__name__}: {error}"
    row = EventRow(
        id=event.id,
        type=event.type,
        created_s=event.created_s,
        received_at_ms=now_ms,
        account=event.account,
        livemode=event.livemode,
        state=state,
        reason=reason,
        payload=received.payload,
    )
    return _Read(row, news)


def _outcome(entry: _Read, *, is_fresh: bool) -> Recorded:
    if not is_fresh:
        return Recorded.DUPLICATE
    return Recorded.FAILED if entry.row.state is EventState.FAILED else Recorded.RECORDED


async def _fold(transaction: Transaction, news: Sequence[PaymentNews], now_ms: int) -> list[str]:
    """Join the news to their payments; the sessions that were found to cost something else."""
    if not news:
        return []
    before = await transaction.payments({item.session_id for item in news})
    facts: dict[str, PaymentFacts] = {
        session_id: payment.facts for session_id, payment in before.items()
    }
    linked_ids: dict[str, str] = {}
    for item in news:
        known = facts.get(item.session_id, PaymentFacts())
        facts[item.session_id] = known.join(item.facts)
        linked_ids.update(dict.fromkeys(item.linked_ids, item.session_id))
    changed = [
        Payment(
            session_id=session_id,
            facts=joined,
            updated_at_ms=now_ms,
            price_mismatch=await _costs_something_else(transaction, session_id, joined),
        )
        for session_id, joined in facts.items()
        if session_id not in before or before[session_id].facts != joined
    ]
    await transaction.save_payments(changed)
    await transaction.link(linked_ids)
    return [
        payment.session_id
        for payment in changed
        if payment.price_mismatch and not _was_mismatched(before.get(payment.session_id))
    ]


async def _costs_something_else(
    transaction: Transaction, session_id: str, facts: PaymentFacts
) -> bool:
    expected = await transaction.expected_subtotal(session_id, facts.checkout_id)
    return expected is not None and facts.differs_from(expected)


def _was_mismatched(payment: Payment | None) -> bool:
    return payment is not None and payment.price_mismatch
