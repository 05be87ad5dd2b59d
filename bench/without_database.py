"""The service without its database, to measure everything except the disk.

The composition root creates everything else, so this cannot drift from the service. Run
`python -m bench.without_database`.
"""

import argparse
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

from app import databases, serving
from app.domain.fold.asking import Surroundings, Wanted
from app.domain.fold.outcome import Outcome
from app.domain.fold.records import EventState, Payment
from app.observability.logs import configure_logging
from app.settings.settings import load_settings
from app.usecases.ports import Alarm
from app.usecases.records import (
    Checkout,
    Claim,
    EventQuery,
    EventRow,
    EventSummary,
    PaymentVersion,
    WebhookSighting,
)
from app.usecases.storage import Database, Transaction

T = TypeVar("T")


class NoDatabase:
    """Runs every act, keeps nothing, knows nothing."""

    def __init__(self, _: Path, __: Alarm) -> None:
        """The file is not touched."""

    async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `act` right here, in no thread."""
        return await act(_NoTransaction())

    async def require_writable(self) -> None:
        """Always possible."""

    async def give_back_space(self) -> None:
        """None is taken."""

    async def read(self, look: Callable[[Transaction], Awaitable[T]]) -> T:
        """The same."""
        return await look(_NoTransaction())

    async def versions(self, _: Collection[str], __: Collection[str]) -> Sequence[PaymentVersion]:
        """Never any."""
        return ()

    async def write_heartbeat(self, at_ms: int) -> None:
        """Always possible."""

    async def find_checkout(self, checkout_id: str) -> Checkout | None:
        """Never known."""

    async def find_claim(self, key_digest: str) -> Claim | None:
        """Never held."""

    async def find_checkout_of_session(self, session_id: str) -> Checkout | None:
        """Never known."""

    async def find_payment(self, session_id: str) -> Payment | None:
        """Never known."""

    async def find_recoveries(self, _: str) -> Sequence[Payment]:
        """Never any."""
        return ()

    async def find_checkout_recovered(self, session_id: str) -> Checkout | None:
        """Never known."""

    async def find_payments_claiming(self, _: str) -> Sequence[Payment]:
        """Never any."""
        return ()

    async def close(self) -> None:
        """Nothing to close."""


class _NoTransaction:
    async def add_checkout(self, checkout: Checkout) -> None:
        pass

    async def claim(self, claim: Claim, *, dead_before_ms: int) -> Claim:  # noqa: ARG002
        return claim

    async def fulfil_claim(self, _: str, __: str) -> bool:
        return True

    async def free_claim(self, _: str, __: str) -> None:
        pass

    async def forget_claims(self, *, dead_before_ms: int) -> int:  # noqa: ARG002
        return 0

    async def lock(self, _: Collection[str], *, wait: bool = True) -> bool:  # noqa: ARG002
        return True

    async def look_around(self, _: Wanted) -> Surroundings:
        return Surroundings()

    async def record(self, events: Sequence[EventRow], _: Outcome) -> Collection[str]:
        return [event.id for event in events]

    async def list_events(self, _: EventQuery) -> Sequence[EventSummary]:
        return ()

    async def events_after(self, _: int, __: str, *, limit: int) -> Sequence[EventSummary]:  # noqa: ARG002
        return ()

    async def find_event(self, event_id: str) -> EventRow | None:
        pass

    async def event_ids(self, _: EventState | None, *, after: str, limit: int) -> Sequence[str]:  # noqa: ARG002
        return ()

    async def session_ids(self, *, after: str, limit: int) -> Sequence[str]:  # noqa: ARG002
        return ()

    async def settle_checkouts(self, *, since_ms: int, limit: int) -> int:  # noqa: ARG002
        return 0

    async def prune_payloads(self, *, before_ms: int, now_ms: int, limit: int) -> int:  # noqa: ARG002
        return 0

    async def try_to_lead(self) -> bool:
        return True

    async def prune_notifications(self, *, before_ms: int, limit: int) -> int:  # noqa: ARG002 nothing is kept
        return 0

    async def webhook_sightings(self) -> Sequence[WebhookSighting]:
        """None yet."""
        return ()

    async def see_webhooks(self, _: Collection[WebhookSighting]) -> None:
        """Not kept."""

    async def checkouts_between(self, _: str, __: str, *, limit: int) -> int:
        """Always none, whatever the `limit`."""
        return min(0, limit)

    async def commit(self) -> None:
        pass


def main() -> None:
    """Serve on the port that the command line names, with the settings in the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port: int = parser.parse_args().port
    settings = load_settings()
    configure_logging(level=settings.log_level, for_people=False)
    no_database: Callable[[Path, Alarm], Database] = NoDatabase
    with patch.object(databases, "SqliteDatabase", no_database):
        serving.run(settings, host="127.0.0.1", port=port)


if __name__ == "__main__":
    main()
