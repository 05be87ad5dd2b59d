"""Computes every payment from its stored events, and compares it with the stored one."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from app.domain.fold.asking import Wanted
from app.domain.fold.joining import whole
from app.domain.fold.rebuild import Rebuild, Rebuilt, Verdict
from app.domain.fold.records import Payment
from app.usecases.event_book import EventDatabase
from app.usecases.fold import inform
from app.usecases.ports import Clock
from app.usecases.storage import Transaction

PAGE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildPayments:
    """Goes through all payments; each is compared with the committed rows of one moment."""

    database: EventDatabase
    clock: Clock

    async def __call__(self, *, repair: bool = False) -> AsyncIterator[Rebuilt]:
        """Yield every payment, in the order of their ids. `repair` writes those that differ.

        Raises:
            StorageUnavailableError: the database cannot be read, or cannot be written.
        """
        after = ""
        while page := await self._page(after):
            for session_id in page:
                yield await self._rebuild(session_id, repair=repair)
            after = page[-1]

    async def _rebuild(self, session_id: str, *, repair: bool) -> Rebuilt:
        async def compare(transaction: Transaction) -> Rebuilt:
            rebuild = Rebuild(session_id)
            await inform(rebuild, transaction)
            return rebuild.rebuilt

        async def write(transaction: Transaction) -> None:
            rebuild = Rebuild(session_id, is_to_change=True)  # it may have changed since
            await inform(rebuild, transaction)
            if rebuild.rebuilt.verdict is Verdict.DIFFERENT:
                await transaction.record((), rebuild.outcome(self.clock.now_ms()))
                await transaction.commit()

        rebuilt = await self.database.read(compare)
        if repair and rebuilt.verdict is Verdict.DIFFERENT:
            await self.database.write(write)
        return rebuilt

    async def _page(self, after: str) -> Sequence[str]:
        return await self.database.read(
            lambda transaction: transaction.session_ids(after=after, limit=PAGE)
        )


async def whole_payment(transaction: Transaction, session_id: str) -> Payment | None:
    """Return a stored payment, its facts joined with those of its renewals."""
    wanted = Wanted(around=[session_id], renewals_of=[session_id])
    found = await transaction.look_around(wanted)
    payment = found.payments.get(session_id)
    if payment is None:
        return None
    renewals = {renewal.invoice_id: renewal.facts for renewal in found.renewals}
    return replace(payment, facts=whole(payment, renewals))
