"""Reads why a payment was declined, from the stored bodies of Stripe's events."""

from dataclasses import dataclass
from typing import Final

from app.domain.stripe_events.evidence import inner
from app.domain.stripe_events.tolerant_json import read_tolerantly
from app.usecases.inspect_events import InspectEvents
from app.usecases.records import EventQuery

_FAILED: Final = "payment_intent.payment_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline:
    """Stripe's error of the latest failed attempt (`last_payment_error` of the intent)."""

    code: str | None
    decline_code: str | None
    message: str | None

    @property
    def reason(self) -> str:
        """Return everything in one line."""
        codes = ", ".join(filter(None, (self.code, self.decline_code)))
        return f"{self.message} ({codes})" if self.message and codes else self.message or codes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDeclines:
    """Only reads."""

    events: InspectEvents

    async def latest(self, session_id: str) -> Decline | None:
        """Return the latest decline of a session's payment; None if none is stored.

        Raises:
            StorageUnavailableError: the database cannot be read.
        """
        wanted = EventQuery(type=_FAILED, payment=session_id, limit=1)
        for summary in await self.events.list(wanted):
            payload = (await self.events.show(summary.id)).row.payload
            if payload is not None:
                body = read_tolerantly(payload)
                return _decline_of(inner(body, "data", "object", "last_payment_error"))
        return None


def _decline_of(error: object) -> Decline | None:
    if not isinstance(error, dict):
        return None
    values = (error.get(name) for name in ("code", "decline_code", "message"))
    code, decline_code, message = (each if isinstance(each, str) else None for each in values)
    return Decline(code=code, decline_code=decline_code, message=message)
