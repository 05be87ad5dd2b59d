"""Records events that were read from Stripe as if they had been delivered, and counts them."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from app.domain.errors import InvalidEventError, is_storage_down
from app.domain.fold.records import Payment
from app.domain.stripe_events.event import EventFilter, StripeEvent, read_event
from app.domain.stripe_events.evidence import id_of
from app.usecases.record_events import ReceivedEvent, Recorded
from app.usecases.records import EventSource
from app.usecases.stripe_reads import Document

PAYLOAD_BYTES_MAX: Final = 1024 * 1024  # as of an event that is delivered
REASONS_MAX: Final = 20


@dataclass(slots=True)
class Findings:
    """What a check of Stripe has found so far.

    `seen` are events and objects looked at, `new` the newly recorded ones, `changed` the sessions
    whose payments changed, `failed` what could not be read, with `reasons` for the first ones.
    """

    seen: int = 0
    new: int = 0
    changed: set[str] = field(default_factory=set)
    failed: int = 0
    reasons: list[str] = field(default_factory=list)

    def hear(self, payments: Collection[Payment]) -> None:
        """Record changed payments."""
        self.changed.update(payment.session_id for payment in payments)

    def fail(self, reason: str) -> None:
        """Count a failure."""
        self.failed += 1
        if len(self.reasons) < REASONS_MAX:
            self.reasons.append(reason)

    @property
    def counts(self) -> dict[str, int]:
        """Return the counts for display."""
        return {
            "seen": self.seen,
            "new": self.new,
            "changed": len(self.changed),
            "failed": self.failed,
        }


@dataclass(frozen=True, slots=True)
class TakeReadEvents:
    """Records events from JSON. Those of other accounts or modes are skipped."""

    record: Callable[[ReceivedEvent], Awaitable[Recorded]]
    event_filter: EventFilter
    findings: Findings

    async def __call__(
        self, documents: Sequence[Document], source: EventSource
    ) -> Sequence[StripeEvent]:
        """Record these, in order; return the new ones.

        Raises:
            StorageUnavailableError: some may be recorded.
        """
        found = [self._received(document, source) for document in documents]
        events = [event for event in found if event]
        ends = await asyncio.gather(*map(self.record, events), return_exceptions=True)
        new: list[StripeEvent] = []
        for received, end in zip(events, ends, strict=True):
            if isinstance(end, BaseException):
                self._fail(received, end)
            elif end is not Recorded.DUPLICATE:
                new.append(received.event)
        self.findings.new += len(new)
        return new

    def _received(self, document: Document, source: EventSource) -> ReceivedEvent | None:
        try:
            event = read_event(document)
        except InvalidEventError as error:
            self.findings.fail(f"{id_of(document) or 'an event'}: {error.detail}")
            return None
        if self.event_filter.reason_to_ignore(event):
            return None
        payload = _to_json(document)
        if len(payload) > PAYLOAD_BYTES_MAX:
            self.findings.fail(f"{event.id} is larger than an event may be")
            return None
        return ReceivedEvent(event, payload, source)

    def _fail(self, received: ReceivedEvent, error: BaseException) -> None:
        if not isinstance(error, Exception) or is_storage_down(error):
            raise error
        self.findings.fail(f"{received.event.id} cannot be recorded: {type(error).__name__}")


def _to_json(document: Document) -> bytes:
    """Return bytes that can be parsed again; half of an emoji stays an escape."""
    try:
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(document, separators=(",", ":")).encode()
